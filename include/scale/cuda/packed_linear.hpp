// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer with packed weights on the device: cuBLASLt multiplies weights as they are, so that packing is
// a copy. Where gelu follows, bf16 products are summed in float, some rows at a time, and rounded once.

#include <scale/cuda/copy.hpp>
#include <scale/cuda/detail/product.hpp>
#include <scale/ops/packed_linear.hpp>

#include <algorithm>
#include <concepts>
#include <type_traits>

namespace scale::cuda {

namespace detail {

struct packed_linear_tuning {
  static constexpr index_t rows = 4096;  // whose sums in float are held at once
};

/// y = gelu(sums + bias), for sums [n, o] and bias [o] or none; y may be sums.
template <class T>
SCALE_HIDDEN void launch_gelu_of_sums(context const& c, tensor_view<float const, 2, context> sums,
                                      tensor_view<T const, 1, context> bias, tensor_view<T, 2, context> y);

}  // namespace detail

template <device_float T>
index_t packed_linear_size(context const&, std::type_identity<T>, index_t inputs, index_t outputs) {
  return inputs * outputs;
}

template <device_float T>
void pack_linear(context const& c, tensor_view<T const, 2, context> weight, pack_linear_args<T, context> const& a) {
  shape<2> const row{{1, weight.size()}};
  copy<T>(c, weight.reshape(row), {.y = a.packed.reshape(row)});
}

template <device_float T>
void packed_linear(context const& c, tensor_view<T const, 2, context> x, packed_linear_args<T, context> const& a) {
  constexpr auto op = "packed_linear";
  using detail::product_matrix;
  index_t const n = x.extent(0), o = a.y.extent(1);
  auto const weight =
      product_matrix::of(tensor_view<T const, 2, context>(a.packed.data_handle(), shape{o, x.extent(1)}), true);
  if (a.act == activation::none) return detail::multiply<T>(c, op, product_matrix::of(x), weight, a.y, a.mode, a.bias);
  if constexpr (std::same_as<T, float>) {
    detail::multiply<T>(c, op, product_matrix::of(x), weight, a.y, write_mode::assign);
    detail::launch_gelu_of_sums<T>(c, a.y, a.bias, a.y);
  } else {
    tensor<float, 2, context> sums(c, shape{(std::min)(n, detail::packed_linear_tuning::rows), o});
    for (index_t first = 0; first < n; first += sums.extent(0)) {
      index_t const count = (std::min)(n - first, sums.extent(0));
      auto const part = sums.view().rows(0, count);
      detail::multiply<T>(c, op, product_matrix::of(x.rows(first, count)), weight, part, write_mode::assign);
      detail::launch_gelu_of_sums<T>(c, part, a.bias, a.y.rows(first, count));
    }
  }
}

}  // namespace scale::cuda
