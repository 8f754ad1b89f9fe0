// SPDX-License-Identifier: Apache-2.0
#include <scale/core/tensor.hpp>
#include <scale/interop/eigen.hpp>
#include <scale/ref/context.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <type_traits>

using host = scale::ref::context;
using scale::as_eigen;
using scale::shape;
using scale::tensor;
using scale::tensor_view;

TEST_CASE("eigen: a map is the tensor's own memory, in both directions, strided or not") {
  tensor<double, 2, host> t(host{}, shape{3, 4});
  std::iota(t.data_handle(), t.data_handle() + 12, 0.0);
  auto map = as_eigen(t.view());
  CHECK(map.data() == t.data_handle());
  CHECK(map.rows() == 3);
  CHECK(map.cols() == 4);
  CHECK(map(2, 1) == 9);
  map(2, 1) = 100;
  CHECK(t.view()(2, 1) == 100);
  auto const part = as_eigen(t.view().rows(1, 2).columns(1, 2));
  CHECK(part(0, 0) == 5);
  CHECK(part(1, 1) == 10);
  CHECK(part.sum() == 5 + 6 + 100 + 10);
  tensor_view<double, 2, host> const transposed(t.data_handle(), shape{4, 3}, shape{1, 4});
  CHECK(as_eigen(transposed)(3, 2) == 11);
  CHECK((as_eigen(transposed).transpose() - map).norm() == 0);
}

TEST_CASE("eigen: vectors, const views, halves") {
  tensor<float, 2, host> t(host{}, shape{3, 4});
  std::iota(t.data_handle(), t.data_handle() + 12, 0.f);
  tensor_view<float, 1, host> const column(t.data_handle() + 1, shape{3}, shape{4});
  CHECK(as_eigen(column).sum() == 1 + 5 + 9);
  as_eigen(column).setZero();
  CHECK(t.view()(2, 1) == 0);
  tensor_view<float const, 2, host> const constant = t.view();
  static_assert(std::is_same_v<decltype(*as_eigen(constant).data()), float const&>);
  CHECK(as_eigen(constant)(1, 0) == 4);
  tensor<scale::f16, 1, host> h(host{}, shape{2});
  h.data_handle()[0] = scale::f16(1.5f);
  h.data_handle()[1] = scale::f16(-0.25f);
  CHECK(as_eigen(h.view()).cast<float>().sum() == 1.25f);
  tensor<scale::bf16, 1, host> b(host{}, shape{1});
  b.data_handle()[0] = scale::bf16(3.f);
  CHECK(static_cast<float>(as_eigen(b.view())(0)) == 3.f);
}

TEST_CASE("eigen: a matrix of Eigen's as a view") {
  scale::eigen_matrix<float> m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  auto const view = scale::as_view<host>(m);
  CHECK(view.data_handle() == m.data());
  CHECK(view(1, 0) == 4);
  scale::eigen_matrix<float> const& constant = m;
  CHECK(scale::as_view<host>(constant)(0, 2) == 3);
}
