// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/optim.hpp>

#include <nn/golden_case.hpp>
#include <nn/network_case.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

using scale::index_t;
using testing::golden_case;
using testing::test_backend;

/// The full-size files take seconds in double on one thread of the reference backend.
bool too_large(golden_case const& g) {
  return g.network().pred_hidden > 1000 && std::string(testing::backend_name) == "ref";
}

template <class T>
scale::tensor<T, 2, test_backend> rows_of(test_backend const& b, std::vector<double> const& values, index_t columns) {
  return testing::make_tensor<2>(b, scale::shape{index_t(values.size()) / columns, columns},
                                 testing::converted<T>(values));
}

TEST_CASE_TEMPLATE("golden: scale_forward and padded_sets", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (char const* prefix : {"scale_forward_", "padded_sets"})
    for (auto const& path : testing::golden_files(prefix)) {
      golden_case const g(path, scale::dtype_of<T>);
      auto const model = g.model<T>(b);
      index_t const sets = g.config().at("B"), clips = g.config().at("V"), width = model.config().width;
      auto const x = rows_of<T>(b, g.fill("x"), model.config().features);
      auto const position = rows_of<T>(b, g.fill("pos"), scale::position_width);
      std::vector<std::int32_t> lengths;
      if (g.has("lengths")) lengths = g.read<std::int32_t>("lengths");
      scale::encoding_step<T, test_backend> step(b, model.config(), model.parameters().table(), scale::pass::inference,
                                                 sets, clips);
      scale::tensor<T, 2, test_backend> h(b, scale::shape{sets * clips, width}), cls(b, scale::shape{sets, width});
      step.encode(b, model.parameters(),
                  {.x = x.view(), .position = position.view(), .clips = clips, .lengths = lengths},
                  {.h = h.view(), .cls = cls.view()});
      g.check("h", testing::values_of(b, h));
      g.check("set_cls", testing::values_of(b, cls));
    }
}

TEST_CASE_TEMPLATE("golden: scale_pretrain", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& path : testing::golden_files("scale_pretrain_")) {
    golden_case const g(path, scale::dtype_of<T>);
    if (too_large(g)) {
      MESSAGE("skipped on ref: " << g.name() << " takes long in plain loops");
      continue;
    }
    auto model = g.model<T>(b);
    index_t const videos = g.config().at("B"), clips = g.config().at("V");
    auto const x = rows_of<T>(b, g.fill("x"), model.config().features);
    auto const position = rows_of<T>(b, g.fill("pos"), scale::position_width);
    auto const mask = g.read<std::uint8_t>("mask");
    scale::pretraining_step<T, test_backend> step(b, model.config(), videos, clips);
    scale::pretraining_losses const got = step.forward_backward(
        b, model, {.x = x.view(), .position = position.view(), .clips = clips, .mask = mask}, 0, 0);
    CHECK(got.masked == g.config().at("masked").get<index_t>());
    g.check("set_loss", std::vector<double>{got.set_loss});
    g.check("dense_loss", std::vector<double>{got.dense_loss});
    g.check("total", std::vector<double>{got.total});
    g.check("set_acc", std::vector<double>{got.set_accuracy});
    g.check("dense_acc", std::vector<double>{got.dense_accuracy});
    std::vector<T> z(std::size_t(step.z().size()));
    scale::download(b, step.z(), z);
    g.check("z", z);
    for (scale::parameter_entry const& entry : model.parameters().table().entries()) {
      auto const gradient = model.parameters().read_gradient(b, entry.name);
      if (g.has("grad/" + entry.name))
        g.check("grad/" + entry.name, gradient);
      else
        g.check_sketch("grad_sketch/" + entry.name, gradient);
    }
  }
}

TEST_CASE_TEMPLATE("golden: scale_trajectory", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& path : testing::golden_files("scale_trajectory_")) {
    golden_case const g(path, scale::dtype_of<T>);
    auto model = g.model<T>(b);
    scale::parameters<T, test_backend>& p = model.parameters();
    index_t const batch_size = g.config().at("B"), clips = g.config().at("V"), stored = g.config().at("clips");
    index_t const features = model.config().features, rows = batch_size * 2 * clips;
    auto const store_x = g.fill("store_x"), store_position = g.fill("store_pos"), lr = g.read<double>("lr");
    auto const batch = g.read<std::int32_t>("batch"), permutation = g.read<std::int32_t>("permutation");
    auto const mask = g.read<std::uint8_t>("mask");
    scale::warm_up_cosine const schedule(g.config().at("total_iterations"), g.config().at("warm_iterations"));
    scale::adamw<T, test_backend> optimiser(b, p, {.weight_decay = g.config().at("weight_decay")});
    scale::pretraining_step<T, test_backend> step(b, model.config(), batch_size, clips);
    std::vector<double> set_loss, dense_loss, rate;
    for (index_t k = 0; k < index_t(lr.size()); ++k) {
      std::vector<double> x, position;
      for (index_t row = 0; row < rows; ++row) {
        index_t const video = row / (2 * clips), place = row % (2 * clips);
        index_t const clip = permutation[std::size_t((k * batch_size + video) * stored + place)];
        index_t const from = batch[std::size_t(k * batch_size + video)] * stored + clip;
        auto const append = [&](std::vector<double>& to, std::vector<double> const& store, index_t width) {
          to.insert(to.end(), store.begin() + from * width, store.begin() + (from + 1) * width);
        };
        append(x, store_x, features);
        append(position, store_position, scale::position_width);
      }
      auto const xs = rows_of<T>(b, x, features);
      auto const positions = rows_of<T>(b, position, scale::position_width);
      scale::pretraining_losses const got =
          step.forward_backward(b, model,
                                {.x = xs.view(),
                                 .position = positions.view(),
                                 .clips = clips,
                                 .mask = std::span(mask).subspan(std::size_t(k * rows), std::size_t(rows))},
                                0, 0);
      double const now = g.config().at("lr").get<double>() * schedule(double(k));
      optimiser.step(b, p, now);
      set_loss.push_back(got.set_loss);
      dense_loss.push_back(got.dense_loss);
      rate.push_back(now);
      std::string const prefix = "sketch_" + std::to_string(k + 1) + "/";
      for (scale::parameter_entry const& entry : p.table().entries())
        if (g.has(prefix + entry.name)) g.check_sketch(prefix + entry.name, p.read(b, entry.name));
    }
    CHECK(optimiser.steps() == 50);
    g.check("set_loss", set_loss);
    g.check("dense_loss", dense_loss);
    g.check("lr", rate);
    for (scale::parameter_entry const& entry : p.table().entries())
      g.check("final/" + entry.name, p.read(b, entry.name));
    // Decay is where the file says it is.
    auto const no_decay = g.config().at("no_decay").get<std::vector<std::string>>();
    for (scale::parameter_entry const& entry : p.table().entries()) {
      bool const listed = std::find(no_decay.begin(), no_decay.end(), entry.name) != no_decay.end();
      CHECK_MESSAGE(listed == (entry.decay == scale::weight_decay::no), entry.name);
    }
  }
}

/// The file's linear layer on [x ; h? ; mean of h? ; cls] of each clip, in double on the host: loss, and its gradients.
struct linear_on_host {
  index_t sets, clips, features, width, classes;
  bool append_h, append_mean;
  bool average;  // loss of the averaged probabilities, else of every clip's logits
  std::vector<double> weight, bias;
  std::vector<std::int32_t> labels;

  double loss = 0;
  std::vector<double> out{}, dweight{}, dbias{}, dh{}, dcls{};

  void run(std::vector<double> const& x, std::vector<double> const& h, std::vector<double> const& cls) {
    index_t const h_begin = features, mean_begin = h_begin + (append_h ? width : 0),
                  cls_begin = mean_begin + (append_mean ? width : 0), d = cls_begin + width;
    dweight.assign(weight.size(), 0);
    dbias.assign(bias.size(), 0);
    dh.assign(h.size(), 0);
    dcls.assign(cls.size(), 0);
    out.assign(std::size_t(average ? sets * classes : sets * classes * clips), 0);
    for (index_t s = 0; s < sets; ++s) {
      auto const label = labels[std::size_t(s)];
      std::vector<std::vector<double>> inputs, probs;
      for (index_t v = 0; v < clips; ++v) {
        index_t const clip = s * clips + v;
        std::vector<double> in(x.begin() + clip * features, x.begin() + (clip + 1) * features);
        if (append_h) in.insert(in.end(), h.begin() + clip * width, h.begin() + (clip + 1) * width);
        for (index_t j = 0; append_mean && j < width; ++j) {
          double mean = 0;
          for (index_t u = 0; u < clips; ++u) mean += h[std::size_t((s * clips + u) * width + j)] / double(clips);
          in.push_back(mean);
        }
        in.insert(in.end(), cls.begin() + s * width, cls.begin() + (s + 1) * width);
        std::vector<double> p(bias);
        double sum = 0;
        for (index_t k = 0; k < classes; ++k) {
          for (index_t j = 0; j < d; ++j) p[std::size_t(k)] += weight[std::size_t(k * d + j)] * in[std::size_t(j)];
          if (!average) out[std::size_t((s * classes + k) * clips + v)] = p[std::size_t(k)];
          sum += std::exp(p[std::size_t(k)]);
        }
        for (index_t k = 0; k < classes; ++k) {
          p[std::size_t(k)] = std::exp(p[std::size_t(k)]) / sum;
          if (average) out[std::size_t(s * classes + k)] += p[std::size_t(k)] / double(clips);
        }
        inputs.push_back(in);
        probs.push_back(p);
      }
      double const mean = average ? out[std::size_t(s * classes + label)] : 0;
      if (average) loss -= std::log(mean) / double(sets);
      for (index_t v = 0; v < clips; ++v) {
        std::vector<double> const& p = probs[std::size_t(v)];
        double const own = p[std::size_t(label)];
        if (!average) loss -= std::log(own) / double(sets * clips);
        // d loss / d logit k = (p_k - [k = label]) * own / (mean * clips * sets), own / mean being 1 clip by clip
        double const factor = (average ? own / mean : 1) / double(sets * clips);
        for (index_t k = 0; k < classes; ++k) {
          double const g = (p[std::size_t(k)] - (k == label ? 1 : 0)) * factor;
          dbias[std::size_t(k)] += g;
          for (index_t j = 0; j < d; ++j) {
            dweight[std::size_t(k * d + j)] += g * inputs[std::size_t(v)][std::size_t(j)];
            double const back = g * weight[std::size_t(k * d + j)];
            if (j >= cls_begin)
              dcls[std::size_t(s * width + j - cls_begin)] += back;
            else if (j >= mean_begin)
              for (index_t u = 0; u < clips; ++u)
                dh[std::size_t((s * clips + u) * width + j - mean_begin)] += back / double(clips);
            else if (j >= h_begin)
              dh[std::size_t((s * clips + v) * width + j - h_begin)] += back;
          }
        }
      }
    }
  }
};

TEST_CASE_TEMPLATE("golden: finetune", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& path : testing::golden_files("finetune_")) {
    golden_case const g(path, scale::dtype_of<T>);
    auto model = g.model<T>(b);
    scale::parameters<T, test_backend>& p = model.parameters();
    std::string const mode = g.config().at("output_mode");
    if (mode != "logits" && mode != "avg_probs") {
      MESSAGE("skipped: " << g.name() << " wants a head that this test does not have");
      continue;
    }
    linear_on_host linear{g.config().at("B"),
                          g.config().at("V"),
                          model.config().features,
                          model.config().width,
                          g.config().at("classes"),
                          g.config().at("append_h"),
                          g.config().at("use_h_avg_pool"),
                          mode == "avg_probs",
                          g.parameter("linear.weight", g.config().at("probe_params").at("linear.weight")),
                          g.parameter("linear.bias", g.config().at("probe_params").at("linear.bias")),
                          g.read<std::int32_t>("labels")};
    index_t const rows = linear.sets * linear.clips, width = linear.width;
    auto const x = rows_of<T>(b, g.fill("x"), linear.features);
    auto const position = rows_of<T>(b, g.fill("pos"), scale::position_width);
    scale::encoding_step<T, test_backend> step(b, model.config(), p.table(), scale::pass::training, linear.sets,
                                               linear.clips);
    scale::tensor<T, 2, test_backend> h(b, scale::shape{rows, width}), cls(b, scale::shape{linear.sets, width});
    step.forward(b, p, {.x = x.view(), .position = position.view(), .clips = linear.clips}, {},
                 {.h = h.view(), .cls = cls.view()});
    linear.run(g.fill("x"), testing::converted<double>(testing::values_of(b, h)),
               testing::converted<double>(testing::values_of(b, cls)));
    auto const dh = rows_of<T>(b, linear.dh, width), dcls = rows_of<T>(b, linear.dcls, width);
    step.backward(b, p, {.dh = dh.view(), .dcls = dcls.view()});
    g.check("loss", std::vector<double>{linear.loss});
    g.check("out", linear.out);
    g.check("grad/linear.weight", linear.dweight);
    g.check("grad/linear.bias", linear.dbias);
    for (scale::parameter_entry const& entry : p.table().entries())
      g.check("grad/" + entry.name, p.read_gradient(b, entry.name));
  }
}

}  // namespace
