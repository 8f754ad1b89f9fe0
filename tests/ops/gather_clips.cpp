// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/gather_clips.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <concepts>
#include <cstring>

namespace {

using scale::index_t;
using scale::shape;
using testing::rows;
using testing::test_backend;

template <class S>
S stored(double value) {
  if constexpr (std::same_as<S, double>)
    return value;
  else
    return S(static_cast<float>(value));
}

template <class S, class T>
void check_store() {
  using stat = scale::stat_t<T>;
  test_backend const b = testing::make_backend();
  index_t const videos = 5, clips = 7;
  for (index_t const d : {1, 23, 131})
    for (auto const& [n, v] : {std::pair<index_t, index_t>{0, 2}, {1, 1}, {9, 4}}) {
      std::vector<S> store;
      for (double const value : testing::random_values(videos * clips * d, 1, -3, 3)) store.push_back(stored<S>(value));
      auto const mean = testing::random_values<stat>(videos * d, 2), scale = testing::random_values<stat>(d, 3, 0.5, 2);
      auto const video = testing::random_indices(n, 4, 0, 5), clip = testing::random_indices(n * v, 5, 0, 7);
      auto const store_ = testing::make_tensor<3>(b, shape{videos, clips, d}, store);
      auto const mean_ = testing::make_tensor<2>(b, shape{videos, d}, mean);
      auto const scale_ = testing::make_vector(b, scale);
      auto const video_ = testing::make_vector(b, video);
      auto const clip_ = testing::make_tensor<2>(b, shape{n, v}, clip);
      std::vector<T> plain;
      std::vector<double> whole;
      for (index_t r = 0; r < n * v; ++r)
        for (index_t j = 0; j < d; ++j) {
          index_t const which = video[static_cast<std::size_t>(r / v)];
          S const value = store[static_cast<std::size_t>((which * clips + clip[static_cast<std::size_t>(r)]) * d + j)];
          plain.push_back(T(static_cast<stat>(value)));
          whole.push_back((static_cast<double>(static_cast<stat>(value)) -
                           static_cast<double>(mean[static_cast<std::size_t>(which * d + j)])) *
                          static_cast<double>(scale[static_cast<std::size_t>(j)]));
        }
      rows<T, test_backend> y(b, n * v, d);
      scale::gather_clips(b, store_, y.view(), {.video = video_, .clip = clip_});
      testing::check_same_bits("y", y.values(b), plain);
      scale::gather_clips(b, store_, y.view(),
                          {.video = video_, .clip = clip_, .mean = mean_, .inverse_scale = scale_});
      testing::check_close("y, centred and scaled", y.values(b), whole, testing::tolerance<T>());
    }
}

TEST_CASE_TEMPLATE("gather_clips picks, centres and scales, from every type of store", T, SCALE_TEST_TYPES) {
  check_store<scale::f16, T>();
  check_store<float, T>();
  check_store<double, T>();
}

TEST_CASE_TEMPLATE("gather_clips converts all 65536 halves exactly", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  std::vector<scale::f16> all(65536);
  std::vector<T> expected;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bits = static_cast<std::uint16_t>(i);
    expected.push_back(static_cast<T>(static_cast<float>(all[i])));
  }
  auto const store = testing::make_tensor<3>(b, shape{1, 1, 65536}, all);
  scale::tensor<T, 2, test_backend> y(b, shape{1, 65536});
  auto const zero = testing::make_vector(b, std::vector<std::int32_t>{0});
  auto const clip = testing::make_tensor<2>(b, shape{1, 1}, std::vector<std::int32_t>{0});
  scale::gather_clips(b, store, y, {.video = zero, .clip = clip});
  testing::check_close("y", testing::values_of(b, y), expected, 0);
}

TEST_CASE("gather_clips refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 3, test_backend> store(b, shape{2, 3, 4});
  scale::tensor<float, 2, test_backend> y(b, shape{2, 4}), mean(b, shape{3, 4});
  auto const video = testing::make_vector(b, std::vector<std::int32_t>{1});
  auto const bad_video = testing::make_vector(b, std::vector<std::int32_t>{2});
  auto const clip = testing::make_tensor<2>(b, shape{1, 2}, std::vector<std::int32_t>{0, 2});
  auto const bad_clip = testing::make_tensor<2>(b, shape{1, 2}, std::vector<std::int32_t>{0, 3});
  testing::check_index_error<test_backend>(
      [&] { scale::gather_clips(b, store, y, {.video = bad_video, .clip = clip}); },
      {"gather_clips", "video[0]", "[0, 2)", "2"});
  testing::check_index_error<test_backend>(
      [&] { scale::gather_clips(b, store, y, {.video = video, .clip = bad_clip}); }, {"clip[1]", "[0, 3)", "3"});
  testing::check_argument_error([&] { scale::gather_clips(b, store, y, {.video = video, .clip = clip, .mean = mean}); },
                                {"mean", "[2, 4]"});
}

}  // namespace
