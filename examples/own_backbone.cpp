// SPDX-License-Identifier: Apache-2.0
// A backbone of one's own, from its weights' file to a feature store:
//   own_backbone VIDEOS WEIGHTS STORE
// VIDEOS is a video, a folder or a list; WEIGHTS a safetensors file with `colours.weight` [d, 3] and `colours.bias`
// [d].
#include <scale/backbone/backbone.hpp>
#include <scale/cpu.hpp>
#include <scale/data/extract.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/io/name_map.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/sha256.hpp>

#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

// The mean colour of a clip through a linear layer.
template <scale::floating T, scale::backend B>
class colour_backbone {
 public:
  static constexpr char const* name = "colour";
  static constexpr scale::backbone_input input = scale::backbone_input::clip;

  // 8 frames of 64 x 64, every fourth frame at 30 per second; pixels are (RGB in [0, 1] - .5) / .5.
  static constexpr scale::backbone_defaults defaults() {
    return {.frames = 8, .size = 64, .mean = {.5, .5, .5}, .std = {.5, .5, .5}};
  }

  template <scale::weight_source Source>
  colour_backbone(B const& b, Source const& source, scale::index_t width)
      : weight_(b, scale::shape{width, scale::index_t{3}}),
        bias_(b, scale::shape{width}),
        sha256_(scale::sha256_of_file(source.path())) {
    std::vector<scale::weight_spec> const specs = {{"colours.weight", {width, 3}, scale::zero_weight::refused},
                                                   {"colours.bias", {width}}};
    scale::loaded_weights const weights = scale::load_weights(source, specs, {});
    scale::upload(b, weights.read<T>("colours.weight"), weight_);
    scale::upload(b, weights.read<T>("colours.bias"), bias_);
  }

  scale::index_t feature_width() const { return bias_.extent(0); }
  std::string weights_sha256() const { return sha256_; }

  // Clips [n, 3, t, h, w] to features [n, feature_width()].
  void forward(B const& b, scale::tensor_view<T const, 5, B> clips, scale::tensor_view<T, 2, B> features,
               scale::location at = scale::location::current()) {
    scale::expect_backbone_shapes(name, clips, features, feature_width(), at);
    if (means_.extent(0) < clips.extent(0))
      means_ = scale::tensor<T, 2, B>(b, scale::shape{clips.extent(0), scale::index_t{3}});
    scale::tensor_view<T, 2, B> const means = means_.view().rows(0, clips.extent(0));  // [n, 3]
    scale::mean_pool_forward(b, clips, {.y = means});
    scale::linear_forward(b, means, {.weight = weight_, .bias = bias_, .y = features});
  }

 private:
  scale::tensor<T, 2, B> weight_;  // [d, 3]
  scale::tensor<T, 1, B> bias_;    // [d]
  std::string sha256_;
  scale::tensor<T, 2, B> means_;
};

static_assert(scale::clip_backbone<colour_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: own_backbone VIDEOS WEIGHTS STORE\n";
    return 2;
  }
  scale::cpu::context const cpu(2);  // threads
  colour_backbone<float, scale::cpu::context> backbone(cpu, scale::safetensors_file(argv[2]), 16);
  scale::extraction_options options;
  options.views.size = static_cast<int>(backbone.defaults().size);
  options.views.sampling = sampling_of(backbone.defaults());
  options.pixels = pixels_of(backbone.defaults());
  auto const summary =
      scale::extract_features<float>(cpu, backbone, scale::open_manifest(argv[1]), options, {}, argv[3]);
  std::cout << summary.videos << " videos stored, " << summary.failures.size() << " failed\n";
  return 0;
} catch (std::exception const& e) {
  std::cerr << "own_backbone: " << e.what() << '\n';
  return 1;
}
