// SPDX-License-Identifier: Apache-2.0
// Golden kinds linear_probe_forward, linear_probe_train, mlp_probe, finetune, knn.
#include <scale/eval/assemble_features.hpp>
#include <scale/eval/knn.hpp>
#include <scale/eval/linear_head.hpp>
#include <scale/eval/set_classification.hpp>
#include <scale/ops.hpp>
#include <scale/optim/adamw.hpp>
#include <scale/optim/schedule.hpp>
#include <scale/train/mlp_probe.hpp>
#include <scale/train/set_probe.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"
#include "scale/verify/network_parameters.hpp"

#include <algorithm>

namespace scale::program {

namespace {

/// Features that a case's options choose.
clip_features features_of(golden_case const& golden) {
  auto const& c = golden.config();
  clip_features features = clip_features::x;
  if (c.value("H", 0) == 0) return features;
  if (c.value("append_h", false)) features = features | clip_features::h;
  if (c.value("use_h_avg_pool", false)) features = features | clip_features::mean_h;
  return features | clip_features::cls;
}

probe_norm norm_of(golden_case const& golden) {
  return golden.config().value("batch_norm", false) ? probe_norm::batch_norm : probe_norm::none;
}

/// [sets * clips, classes] -> [sets, classes, clips].
std::vector<double> clips_last(std::vector<double> const& logits, index_t sets, index_t clips, index_t classes) {
  std::vector<double> out(logits.size());
  for (index_t i = 0; i < sets; ++i)
    for (index_t v = 0; v < clips; ++v)
      for (index_t c = 0; c < classes; ++c)
        out[static_cast<std::size_t>((i * classes + c) * clips + v)] =
            logits[static_cast<std::size_t>((i * clips + v) * classes + c)];
  return out;
}

template <class T, class B>
host_matrix<stat_t<T>> matrix_on_host(B const& b, tensor_view<T const, 2, B> x) {
  std::vector<T> values(static_cast<std::size_t>(x.size()));
  download(b, x, std::span<T>(values));
  host_matrix<stat_t<T>> out(x.extent(0), x.extent(1));
  std::copy(values.begin(), values.end(), out.values.begin());
  return out;
}

/// A gradient that was computed on the host, in T.
template <class T, class B>
void upload_rounded(B const& b, host_matrix<stat_t<T>> const& from, tensor<T, 2, B>& to) {
  std::vector<T> const rounded(from.values.begin(), from.values.end());
  upload(b, std::span<T const>(rounded), to);
}

template <class T, class B>
void load_running_statistics(B const& b, golden_case const& golden, linear_head<T, B>& head) {
  if (head.norm() == probe_norm::none) return;
  for (auto const& [name, view] : {std::pair{"linear.0.running_mean", head.running_mean()},
                                   std::pair{"linear.0.running_var", head.running_var()}}) {
    std::vector<double> const values = golden.parameter(name);
    std::vector<stat_t<T>> const typed(values.begin(), values.end());
    upload(b, std::span<stat_t<T> const>(typed), view);
  }
}

}  // namespace

template <class T, class B>
void verify_linear_probe_forward(B const& b, golden_case const& golden, comparison& result) {
  auto const& c = golden.config();
  index_t const sets = c.at("B").get<index_t>(), clips = c.at("V").get<index_t>(), d = c.at("D").get<index_t>();
  index_t const width = c.at("H").get<index_t>(), classes = c.at("classes").get<index_t>(), rows = sets * clips;
  clip_features const parts = features_of(golden);
  feature_assembly<T, B> assembly(b, parts, clips, d, width, sets);
  auto const x = filled_rows<T>(b, golden, "x");
  tensor<T, 2, B> h, cls;
  if (golden.has_fill("h")) h = filled_rows<T>(b, golden, "h");
  if (golden.has_fill("set_cls")) cls = filled_rows<T>(b, golden, "set_cls");
  tensor<T, 2, B> features(b, shape{rows, assembly.width()});
  assembly.forward(b, x, h, cls, features);
  std::vector<parameter_spec> specs;
  add_linear_head(specs, assembly.width(), classes, norm_of(golden));
  parameters<T, B> p = filled_parameters<T>(b, golden, std::move(specs));
  linear_head<T, B> head(b, assembly.width(), classes, norm_of(golden), 0, rows);
  load_running_statistics(b, golden, head);
  bool const training = c.at("training").get<bool>();
  tensor_view<T const, 2, B> const logits =
      head.forward(b, p, features, training ? batch_norm_mode::training : batch_norm_mode::inference);
  host_matrix<stat_t<T>> const on_host = matrix_on_host<T>(b, logits);
  result.check("features", to_host(b, features));
  result.check("logits", clips_last(to_host(b, logits), sets, clips, classes));
  result.check("avg_logits", average_logits(on_host, clips).values);
  result.check("avg_probs", average_probabilities(on_host, clips).values);
  if (result.has("running_mean")) result.check("running_mean", to_host(b, head.running_mean()));
  if (result.has("running_var")) result.check("running_var", to_host(b, head.running_var()));
}

template <class T, class B>
void verify_linear_probe_train(B const& b, golden_case const& golden, comparison& result) {
  auto const& c = golden.config();
  index_t const sets = c.at("B").get<index_t>(), clips = c.at("V").get<index_t>(), rows = sets * clips;
  index_t const stored_clips = c.at("clips").get<index_t>(), steps = c.at("steps").get<index_t>();
  auto const store_x = to_device<acc_t<T>>(b, to_shape<3>(golden.filled_shape("store_x")), golden.filled("store_x"));
  auto const store_pos =
      to_device<acc_t<T>>(b, to_shape<3>(golden.filled_shape("store_pos")), golden.filled("store_pos"));
  auto const batch = golden.stored<std::int32_t>("batch"), permutation = golden.stored<std::int32_t>("permutation");
  auto const labels = golden.stored<std::int32_t>("labels");
  bool const has_heads = golden.has_parameter("msk_token");
  set_transformer_model<T, B> model(
      b, network_of(golden, has_heads ? pretraining_heads::present : pretraining_heads::absent), 0);
  fill_parameters(b, golden, model.parameters());
  set_probe<T, B> probe(b,
                        {.features = features_of(golden),
                         .width = c.at("D").get<index_t>(),
                         .classes = c.at("classes").get<index_t>(),
                         .norm = norm_of(golden)},
                        &model, sets, clips);
  fill_parameters(b, golden, probe.params());
  load_running_statistics(b, golden, probe.head());
  adamw<T, B> optimiser(b, probe.params(),
                        {.beta1 = c.at("betas").at(0).get<double>(),
                         .beta2 = c.at("betas").at(1).get<double>(),
                         .eps = c.at("adam_eps").get<double>(),
                         .weight_decay = c.at("weight_decay").get<double>()});
  warm_up_cosine const schedule(c.at("total_iterations").get<double>(), c.at("warm_iterations").get<double>());
  probe_output const output = probe_output_of(c.at("output_mode").get<std::string>());

  tensor<T, 2, B> x(b, shape{rows, c.at("D").get<index_t>()}), position(b, shape{rows, position_width});
  tensor<T, 2, B> dlogits(b, shape{rows, probe.classes()});
  tensor<std::int32_t, 1, B> video(b, shape{sets});
  tensor<std::int32_t, 2, B> clip(b, shape{sets, clips});
  std::vector<double> loss, accuracy_of_step, rate;
  for (index_t k = 0; k < steps; ++k) {
    std::vector<std::int32_t> chosen, wanted;
    for (index_t i = 0; i < sets; ++i) {
      auto const row = permutation.begin() + (k * sets + i) * stored_clips;
      chosen.insert(chosen.end(), row, row + clips);
      wanted.push_back(labels[static_cast<std::size_t>(batch[static_cast<std::size_t>(k * sets + i)])]);
    }
    upload(b, std::span(batch).subspan(static_cast<std::size_t>(k * sets), static_cast<std::size_t>(sets)), video);
    upload(b, std::span<std::int32_t const>(chosen), clip);
    gather_clips(b, store_x, x, {.video = video, .clip = clip});
    gather_clips(b, store_pos, position, {.video = video, .clip = clip});
    probe.params().zero_gradients(b);
    tensor_view<T const, 2, B> const logits =
        probe.forward(b, {.x = x, .input = x, .position = position, .clips = clips}, batch_norm_mode::training,
                      static_cast<std::uint32_t>(k));
    host_matrix<stat_t<T>> gradient;
    set_loss const step = classify_sets(matrix_on_host<T>(b, logits), wanted, clips, output, &gradient);
    upload_rounded(b, gradient, dlogits);
    probe.backward(b, dlogits);
    loss.push_back(step.loss);
    accuracy_of_step.push_back(step.accuracy);
    rate.push_back(c.at("lr").get<double>() * schedule(static_cast<double>(k)));
    optimiser.step(b, probe.params(), rate.back());
  }
  result.check("loss", loss);
  result.check("acc", accuracy_of_step);
  result.check("lr", rate);
  for (parameter_entry const& entry : probe.params().table().entries()) {
    auto const values = probe.params().read(b, entry.name);
    result.check("final/" + entry.name, values);
  }
  if (result.has("final/linear.0.running_mean")) {
    result.check("final/linear.0.running_mean", to_host(b, probe.head().running_mean()));
    result.check("final/linear.0.running_var", to_host(b, probe.head().running_var()));
  }
}

template <class T, class B>
void verify_mlp_probe(B const& b, golden_case const& golden, comparison& result) {
  auto const& c = golden.config();
  index_t const sets = c.at("B").get<index_t>(), clips = c.at("V").get<index_t>(), rows = sets * clips;
  mlp_probe_config config;
  config.features = c.at("D").get<index_t>();
  config.classes = c.at("classes").get<index_t>();
  config.hidden = c.at("hidden").get<index_t>();
  config.out = c.at("out").get<index_t>();
  config.layers = c.at("layers").get<index_t>();
  config.norm = norm_of(golden);
  mlp_probe<T, B> probe(b, config, rows, 0);
  fill_parameters(b, golden, probe.params());
  load_running_statistics(b, golden, probe.head());
  auto const x = filled_rows<T>(b, golden, "x");
  bool const training = c.at("training").get<bool>();
  tensor_view<T const, 2, B> const logits =
      probe.forward(b, {.x = x, .input = {}, .position = {}, .clips = clips},
                    training ? batch_norm_mode::training : batch_norm_mode::inference);
  host_matrix<stat_t<T>> gradient;
  set_loss const loss = classify_sets(matrix_on_host<T>(b, logits), golden.stored<std::int32_t>("labels"), clips,
                                      probe_output::logits, &gradient);
  tensor<T, 2, B> dlogits(b, shape{rows, config.classes});
  upload_rounded(b, gradient, dlogits);
  result.check("logits", clips_last(to_host(b, logits), sets, clips, config.classes));
  result.check("loss", loss.loss);
  probe.backward(b, dlogits);
  check_gradients(b, probe.params(), result);
}

template <class T, class B>
void verify_finetune(B const& b, golden_case const& golden, comparison& result) {
  auto const& c = golden.config();
  index_t const sets = c.at("B").get<index_t>(), clips = c.at("V").get<index_t>(), rows = sets * clips;
  index_t const classes = c.at("classes").get<index_t>();
  set_transformer_model<T, B> model(b, network_of(golden, pretraining_heads::absent), 0);
  fill_parameters(b, golden, model.parameters());
  set_probe<T, B> probe(b,
                        {.features = features_of(golden),
                         .width = c.at("D").get<index_t>(),
                         .classes = classes,
                         .norm = norm_of(golden),
                         .training = encoder_training::trained},
                        &model, sets, clips);
  fill_parameters(b, golden, probe.params());
  load_running_statistics(b, golden, probe.head());
  auto const x = filled_rows<T>(b, golden, "x");
  auto const position = filled_rows<T>(b, golden, "pos");
  tensor_view<T const, 2, B> const logits =
      probe.forward(b, {.x = x, .input = x, .position = position, .clips = clips}, batch_norm_mode::training);
  host_matrix<stat_t<T>> const on_host = matrix_on_host<T>(b, logits);
  probe_output const output = probe_output_of(c.at("output_mode").get<std::string>());
  host_matrix<stat_t<T>> gradient;
  set_loss const loss = classify_sets(on_host, golden.stored<std::int32_t>("labels"), clips, output, &gradient);
  if (output == probe_output::logits)
    result.check("out", clips_last(to_host(b, logits), sets, clips, classes));
  else
    result.check("out", output == probe_output::avg_logits ? average_logits(on_host, clips).values
                                                           : average_probabilities(on_host, clips).values);
  result.check("loss", loss.loss);
  tensor<T, 2, B> dlogits(b, shape{rows, classes});
  upload_rounded(b, gradient, dlogits);
  probe.backward(b, dlogits);
  check_gradients(b, probe.params(), result);
}

template <class T, class B>
void verify_knn(B const& b, golden_case const& golden, comparison& result) {
  using stat = stat_t<T>;
  auto const averaged = [&](char const* name) {
    auto const& extents = golden.file().at(name).shape;
    host_matrix<stat> x(extents[0] * extents[1], extents[2]);
    x.values = golden.stored<stat>(name);
    return average_rows(x, extents[1]);
  };
  auto const& c = golden.config();
  auto const labels = golden.stored<std::int32_t>("train_labels"), wanted = golden.stored<std::int32_t>("test_labels");
  auto const found =
      classify_knn<T>(b, averaged("train_features"), labels, averaged("test_features"), c.at("classes").get<index_t>(),
                      {.k = c.at("k").get<index_t>(), .temperature = c.at("temperature").get<double>()});
  result.check("scores", found.scores.values);
  result.check("predictions", found.predictions);
  result.check("accuracy", measure_knn(found, wanted).top1);
}

#define SCALE_INSTANTIATE(T, B)                                                            \
  template void verify_linear_probe_forward<T>(B const&, golden_case const&, comparison&); \
  template void verify_linear_probe_train<T>(B const&, golden_case const&, comparison&);   \
  template void verify_mlp_probe<T>(B const&, golden_case const&, comparison&);            \
  template void verify_finetune<T>(B const&, golden_case const&, comparison&);             \
  template void verify_knn<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE

}  // namespace scale::program
