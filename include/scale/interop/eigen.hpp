// SPDX-License-Identifier: Apache-2.0
#pragma once
// Eigen's eyes on host tensors: maps of the same memory, nothing copied, any strides.

#include <scale/core/backend.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/tensor_view.hpp>

#include <Eigen/Core>

#include <concepts>
#include <type_traits>

namespace scale {

namespace detail {

template <class T>
using eigen_scalar = std::conditional_t<std::same_as<T, f16>, Eigen::half,
                                        std::conditional_t<std::same_as<T, bf16>, Eigen::bfloat16, T>>;
static_assert(sizeof(Eigen::half) == sizeof(f16) && alignof(Eigen::half) == alignof(f16));
static_assert(sizeof(Eigen::bfloat16) == sizeof(bf16) && alignof(Eigen::bfloat16) == alignof(bf16));

template <class T, class Plain>
using eigen_const_if = std::conditional_t<std::is_const_v<T>, Plain const, Plain>;

template <class T>
auto* eigen_data(T* data) noexcept {
  return reinterpret_cast<eigen_const_if<T, eigen_scalar<std::remove_const_t<T>>>*>(data);
}

}  // namespace detail

/// A row-major Eigen matrix over elements T; f16 and bf16 appear as Eigen::half and Eigen::bfloat16.
template <class T>
using eigen_matrix =
    Eigen::Matrix<detail::eigen_scalar<std::remove_const_t<T>>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
using eigen_vector = Eigen::Matrix<detail::eigen_scalar<std::remove_const_t<T>>, Eigen::Dynamic, 1>;

template <class T>
using eigen_matrix_map = Eigen::Map<detail::eigen_const_if<T, eigen_matrix<T>>, Eigen::Unaligned,
                                    Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

template <class T>
using eigen_vector_map =
    Eigen::Map<detail::eigen_const_if<T, eigen_vector<T>>, Eigen::Unaligned, Eigen::InnerStride<Eigen::Dynamic>>;

/// The view as a matrix; writes go through where T is not const. Valid as long as the view's memory.
template <class T, host_backend B>
eigen_matrix_map<T> as_eigen(tensor_view<T, 2, B> const& view) {
  return {detail::eigen_data(view.data_handle()), view.extent(0), view.extent(1),
          Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(view.stride(0), view.stride(1))};
}

/// The view as a column vector.
template <class T, host_backend B>
eigen_vector_map<T> as_eigen(tensor_view<T, 1, B> const& view) {
  return {detail::eigen_data(view.data_handle()), view.extent(0), Eigen::InnerStride<Eigen::Dynamic>(view.stride(0))};
}

/// A matrix held by Eigen, row-major, as a view. Valid as long as the matrix and its size.
template <host_backend B, class T>
requires element<T> tensor_view<T, 2, B> as_view(
    Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& matrix) {
  return {matrix.data(), shape<2>{{matrix.rows(), matrix.cols()}}};
}

template <host_backend B, class T>
requires element<T> tensor_view<T const, 2, B> as_view(
    Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> const& matrix) {
  return {matrix.data(), shape<2>{{matrix.rows(), matrix.cols()}}};
}

}  // namespace scale
