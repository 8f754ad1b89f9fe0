// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clips of invented videos: three prototypes in one of their six orders, the order being the class. The mean over the
// clips of a video says little about the order; their places in time do.

#include <scale/core/random.hpp>
#include <scale/eval/clip_source.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

namespace synthetic {

using scale::index_t;

struct recipe {
  index_t videos = 64;
  index_t clips = 16;
  index_t width = 64;
  double noise = 0.5;  // of each clip
  double offset = 0;   // standard deviation of each video's own look
  std::uint64_t seed = 1;
};

/// Number i of a stream of normal deviates (Box and Muller).
inline double normal(scale::random_key key, std::uint64_t i) {
  double const u = 1 - scale::random_unit(key, 2 * i), v = scale::random_unit(key, 2 * i + 1);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

template <class T, class B>
struct clips {
  clips(B const& b, recipe const& r)
      : features(b, scale::shape{r.videos, r.clips, r.width}),
        positions(b, scale::shape{r.videos, r.clips, scale::position_width}),
        mean(b, scale::shape{r.videos, r.width}),
        inverse_scale(b, scale::shape{r.width}) {
    static constexpr int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    auto const prototype = scale::make_key(99, 0, scale::purpose::demo);  // the same for every seed
    std::vector<double> square(std::size_t(r.width), 0);
    for (index_t n = 0; n < r.videos; ++n) {
      auto const key = scale::make_key(r.seed, std::uint32_t(n), scale::purpose::demo, 1);
      labels.push_back(static_cast<std::int32_t>(n % 6));
      std::uint64_t next = 0;
      std::vector<double> look;
      for (index_t d = 0; d < r.width; ++d) look.push_back(r.offset * normal(key, next++));
      for (index_t v = 0; v < r.clips; ++v) {
        // A clip lasts a fifth of its video and shows what is there at its middle; so the middle prototype is seen
        // more often than the outer ones, as in real videos.
        double const start = 0.8 * scale::random_unit(key, 1000000 + std::uint64_t(v));
        int const shown = orders[n % 6][int(3 * (start + 0.1))];
        for (index_t d = 0; d < r.width; ++d)
          features.view()(n, v, d) = static_cast<float>(normal(prototype, std::uint64_t(shown * r.width + d)) +
                                                        look[std::size_t(d)] + r.noise * normal(key, next++));
        float const place[] = {-1, 0, 0, 1, 1, float(start), float(start + 0.2)};
        for (index_t j = 0; j < scale::position_width; ++j) positions.view()(n, v, j) = place[j];
      }
      for (index_t d = 0; d < r.width; ++d) {
        double sum = 0;
        for (index_t v = 0; v < r.clips; ++v) sum += double(features.view()(n, v, d));
        sum /= double(r.clips);
        mean.view()(n, d) = static_cast<T>(sum);
        for (index_t v = 0; v < r.clips; ++v)
          square[std::size_t(d)] += std::pow(double(features.view()(n, v, d)) - sum, 2);
      }
    }
    for (index_t d = 0; d < r.width; ++d) {
      scale_of.push_back(std::sqrt(square[std::size_t(d)] / double(r.videos * r.clips)));
      inverse_scale.view()(d) = static_cast<T>(1 / scale_of.back());
    }
    source.features = scale::tensor_view<float const, 3, B>(features);
    source.positions = positions;
    source.mean = mean;
    source.inverse_scale = inverse_scale;
  }

  scale::tensor<float, 3, B> features, positions;
  scale::tensor<T, 2, B> mean;
  scale::tensor<T, 1, B> inverse_scale;
  std::vector<double> scale_of;
  std::vector<std::int32_t> labels;
  scale::clip_source<T, B> source;
};

}  // namespace synthetic
