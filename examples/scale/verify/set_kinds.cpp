// SPDX-License-Identifier: Apache-2.0
// Golden kinds scale_forward, padded_sets, scale_pretrain, scale_trajectory, lr_schedule, centred.
#include <scale/data/centring.hpp>
#include <scale/nn/encoding_step.hpp>
#include <scale/nn/pretraining_step.hpp>
#include <scale/ops.hpp>
#include <scale/optim/adamw.hpp>
#include <scale/optim/schedule.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"
#include "scale/verify/network_parameters.hpp"

namespace scale::program {

template <class T, class B>
void verify_scale_forward(B const& b, golden_case const& golden, comparison& result) {
  auto const x = filled_rows<T>(b, golden, "x");
  auto const position = filled_rows<T>(b, golden, "pos");
  index_t const sets = golden.config().at("B").get<index_t>(), clips = golden.config().at("V").get<index_t>();
  bool const has_heads = golden.has_parameter("msk_token");
  set_transformer_config const config =
      network_of(golden, has_heads ? pretraining_heads::present : pretraining_heads::absent);
  set_transformer_model<T, B> model(b, config, 0);
  fill_parameters(b, golden, model.parameters());
  encoding_step<T, B> encoder(b, config, model.parameters().table(), pass::inference, sets, clips);
  tensor<T, 2, B> h(b, shape{sets * clips, config.width}), cls(b, shape{sets, config.width});
  std::vector<std::int32_t> lengths;
  if (golden.kind() == "padded_sets") lengths = golden.stored<std::int32_t>("lengths");
  clip_sets<T, B> const input{.x = x, .position = position, .clips = clips, .lengths = lengths};
  encoder.encode(b, model.parameters(), input, {.h = h, .cls = cls});
  result.check("h", to_host(b, h));
  result.check("set_cls", to_host(b, cls));
}

template <class T, class B>
void verify_scale_pretrain(B const& b, golden_case const& golden, comparison& result) {
  auto const x = filled_rows<T>(b, golden, "x");
  auto const position = filled_rows<T>(b, golden, "pos");
  index_t const videos = golden.config().at("B").get<index_t>(), clips = golden.config().at("V").get<index_t>();
  auto const mask = golden.stored<std::uint8_t>("mask");
  set_transformer_config const config = network_of(golden, pretraining_heads::present);
  set_transformer_model<T, B> model(b, config, 0);
  model.parameters().require_gradients(b);
  fill_parameters(b, golden, model.parameters());
  pretraining_step<T, B> step(b, config, videos, clips);
  pretraining_losses const losses =
      step.forward_backward(b, model, {.x = x, .position = position, .clips = clips, .mask = mask}, 0, 0);
  result.check("set_loss", losses.set_loss);
  result.check("dense_loss", losses.dense_loss);
  result.check("total", losses.total);
  result.check("set_acc", losses.set_accuracy);
  result.check("dense_acc", losses.dense_accuracy);
  result.check("z", to_host(b, step.z()));
  check_gradients(b, model.parameters(), result);
}

template <class T, class B>
void verify_scale_trajectory(B const& b, golden_case const& golden, comparison& result) {
  auto const& c = golden.config();
  index_t const videos = c.at("B").get<index_t>(), clips = c.at("V").get<index_t>();
  index_t const steps = c.at("steps").get<index_t>(), stored_clips = c.at("clips").get<index_t>();
  index_t const rows = videos * 2 * clips;
  auto const store_x = to_device<acc_t<T>>(b, to_shape<3>(golden.filled_shape("store_x")), golden.filled("store_x"));
  auto const store_pos =
      to_device<acc_t<T>>(b, to_shape<3>(golden.filled_shape("store_pos")), golden.filled("store_pos"));
  auto const batch = golden.stored<std::int32_t>("batch"), permutation = golden.stored<std::int32_t>("permutation");
  auto const mask = golden.stored<std::uint8_t>("mask");
  set_transformer_config const config = network_of(golden, pretraining_heads::present);
  set_transformer_model<T, B> model(b, config, 0);
  model.parameters().require_gradients(b);
  fill_parameters(b, golden, model.parameters());
  pretraining_step<T, B> step(b, config, videos, clips);
  adamw<T, B> optimiser(b, model.parameters(),
                        {.beta1 = c.at("betas").at(0).get<double>(),
                         .beta2 = c.at("betas").at(1).get<double>(),
                         .eps = c.at("adam_eps").get<double>(),
                         .weight_decay = c.at("weight_decay").get<double>()});
  warm_up_cosine const schedule(c.at("total_iterations").get<double>(), c.at("warm_iterations").get<double>());

  tensor<T, 2, B> x(b, shape{rows, config.features}), position(b, shape{rows, position_width});
  tensor<std::int32_t, 1, B> video(b, shape{videos});
  tensor<std::int32_t, 2, B> clip(b, shape{videos, 2 * clips});
  std::vector<double> set_loss, dense_loss, rate;
  for (index_t k = 0; k < steps; ++k) {
    std::vector<std::int32_t> chosen;
    for (index_t i = 0; i < videos; ++i) {
      auto const row = permutation.begin() + (k * videos + i) * stored_clips;
      chosen.insert(chosen.end(), row, row + 2 * clips);
    }
    upload(b, std::span(batch).subspan(static_cast<std::size_t>(k * videos), static_cast<std::size_t>(videos)), video);
    upload(b, std::span<std::int32_t const>(chosen), clip);
    gather_clips(b, store_x, x, {.video = video, .clip = clip});
    gather_clips(b, store_pos, position, {.video = video, .clip = clip});
    auto const masked = std::span(mask).subspan(static_cast<std::size_t>(k * rows), static_cast<std::size_t>(rows));
    pretraining_losses const losses =
        step.forward_backward(b, model, {.x = x, .position = position, .clips = clips, .mask = masked}, 0, 0);
    set_loss.push_back(losses.set_loss);
    dense_loss.push_back(losses.dense_loss);
    rate.push_back(c.at("lr").get<double>() * schedule(static_cast<double>(k)));
    optimiser.step(b, model.parameters(), rate.back());
    for (parameter_entry const& entry : model.parameters().table().entries()) {
      auto const values = model.parameters().read(b, entry.name);
      std::vector<double> const numbers(values.begin(), values.end());
      std::string const sketch = "sketch_" + std::to_string(k + 1) + "/" + entry.name;
      if (result.has(sketch)) result.check_sketch(sketch, numbers);
      if (k + 1 == steps && result.has("final/" + entry.name)) result.check("final/" + entry.name, numbers);
    }
  }
  result.check("set_loss", set_loss);
  result.check("dense_loss", dense_loss);
  result.check("lr", rate);
}

void verify_lr_schedule(golden_case const& golden, comparison& result) {
  double const total = golden.config().at("total_iterations").get<double>();
  warm_up_cosine const schedule(total, golden.config().at("warm_iterations").get<double>());
  std::vector<double> multiplier;
  for (int i = 0; i <= static_cast<int>(total); ++i) multiplier.push_back(schedule(i));
  result.check("multiplier", multiplier);
}

template <class T>
void verify_centred(golden_case const& golden, comparison& result) {
  auto const extents = golden.filled_shape("store_x");
  std::vector<double> filled = golden.filled("store_x");
  std::size_t const clips = static_cast<std::size_t>(extents[1]), width = static_cast<std::size_t>(extents[2]);
  std::size_t const constant = golden.config().at("constant_feature").get<std::size_t>();
  for (std::size_t row = 0; row < filled.size() / width; ++row)
    filled[row * width + constant] = filled[row / clips * clips * width + constant];
  std::vector<acc_t<T>> x(filled.begin(), filled.end());
  auto const video = [&](std::size_t v) { return std::span<acc_t<T>>(x).subspan(v * clips * width, clips * width); };
  std::size_t const videos = static_cast<std::size_t>(extents[0]);
  centring_scale scale(extents[2]);
  for (std::size_t v = 0; v < videos; ++v) scale.add_video(std::span<acc_t<T> const>(video(v)));
  std::vector<double> const s = scale.finish();
  for (std::size_t v = 0; v < videos; ++v) centre_clips(video(v), std::span<double const>(s));
  result.check("s", s);
  result.check("centred", x);
}

#define SCALE_INSTANTIATE(T, B)                                                      \
  template void verify_scale_forward<T>(B const&, golden_case const&, comparison&);  \
  template void verify_scale_pretrain<T>(B const&, golden_case const&, comparison&); \
  template void verify_scale_trajectory<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE
template void verify_centred<double>(golden_case const&, comparison&);
template void verify_centred<float>(golden_case const&, comparison&);
template void verify_centred<bf16>(golden_case const&, comparison&);

}  // namespace scale::program
