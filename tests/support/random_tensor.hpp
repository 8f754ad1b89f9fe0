// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random test data: a function of the seed that a failing comparison prints, and tensors whose rows lie apart.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/ops/transfer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace testing {

/// SCALE_TEST_SEED of the environment, else 1.
inline std::uint64_t seed() {
  static std::uint64_t const value = [] {
    char const* const text = std::getenv("SCALE_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 1u;
  }();
  return value;
}

/// `n` numbers in [low, high); `which` tells the arrays of one test apart. The same in T as in double, but rounded.
template <class T = double>
std::vector<T> random_values(scale::index_t n, std::uint32_t which, double low = -1, double high = 1) {
  scale::random_key const key{seed(), which, 0x7e57u};
  std::vector<T> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = T(static_cast<scale::stat_t<T>>(low + (high - low) * scale::random_unit(key, i)));
  return values;
}

/// `n` integers in [low, high).
inline std::vector<std::int32_t> random_indices(scale::index_t n, std::uint32_t which, std::int32_t low,
                                                std::int32_t high) {
  scale::random_key const key{seed(), which, 0x1d7u};
  std::vector<std::int32_t> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = low + static_cast<std::int32_t>(scale::random_below(key, i, static_cast<std::uint64_t>(high - low)));
  return values;
}

template <class To, class From>
std::vector<To> converted(std::vector<From> const& values) {
  using through = std::conditional_t<std::same_as<To, scale::bf16>, float, To>;
  std::vector<To> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](From v) { return To(static_cast<through>(v)); });
  return result;
}

/// A contiguous tensor with these values.
template <int Rank, class T, scale::backend B>
scale::tensor<T, Rank, B> make_tensor(B const& b, scale::shape<Rank> const& s, std::vector<T> const& values) {
  scale::tensor<T, Rank, B> result(b, s);
  scale::upload(b, values, result);
  return result;
}

template <class T, scale::backend B>
scale::tensor<T, 1, B> make_vector(B const& b, std::vector<T> const& values) {
  return make_tensor<1>(b, scale::shape{static_cast<scale::index_t>(values.size())}, values);
}

template <class T, int Rank, scale::backend B>
std::vector<T> values_of(B const& b, scale::tensor<T, Rank, B> const& x) {
  std::vector<T> result(static_cast<std::size_t>(x.size()));
  scale::download(b, x, result);
  return result;
}

/// A matrix whose rows lie `gap` elements apart. values() fails the test where an operator wrote into a gap.
template <class T, scale::backend B>
class rows {
 public:
  rows(B const& b, scale::index_t n, scale::index_t columns, std::vector<T> const& values, scale::index_t gap = 3)
      : n_(n), columns_(columns), gap_(gap), storage_(b, scale::shape{n, columns + gap}) {
    set(b, values);
  }

  /// Filled with a value that no operator should leave where its contract says "=".
  rows(B const& b, scale::index_t n, scale::index_t columns, scale::index_t gap = 3)
      : rows(b, n, columns, std::vector<T>(static_cast<std::size_t>(n * columns), T(-77)), gap) {}

  void set(B const& b, std::vector<T> const& values) {
    std::vector<T> all(static_cast<std::size_t>(storage_.size()), T(guard));
    for (scale::index_t i = 0; i < n_; ++i)
      std::copy_n(values.begin() + i * columns_, columns_, all.begin() + i * (columns_ + gap_));
    scale::upload(b, all, storage_);
  }

  std::vector<T> values(B const& b) const {
    std::vector<T> const all = values_of(b, storage_);
    std::vector<T> result;
    bool gaps_whole = true;
    for (scale::index_t i = 0; i < n_; ++i)
      for (scale::index_t j = 0; j < columns_ + gap_; ++j) {
        T const value = all[static_cast<std::size_t>(i * (columns_ + gap_) + j)];
        if (j < columns_)
          result.push_back(value);
        else
          gaps_whole &= value == T(guard);
      }
    CHECK_MESSAGE(gaps_whole, "an operator wrote between the rows");
    return result;
  }

  scale::tensor_view<T, 2, B> view() { return storage_.view().columns(0, columns_); }
  operator scale::tensor_view<T, 2, B>() { return view(); }
  operator scale::tensor_view<T const, 2, B>() { return view(); }

 private:
  static constexpr int guard = 93;

  scale::index_t n_, columns_, gap_;
  scale::tensor<T, 2, B> storage_;
};

}  // namespace testing
