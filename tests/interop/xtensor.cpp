// SPDX-License-Identifier: Apache-2.0
#include <scale/core/tensor.hpp>
#include <scale/interop/xtensor.hpp>
#include <scale/ref/context.hpp>

#include <doctest/doctest.h>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xoperation.hpp>
#include <xtensor/xview.hpp>

#include <numeric>

using host = scale::ref::context;
using scale::as_xtensor;
using scale::shape;
using scale::tensor;
using scale::tensor_view;

TEST_CASE("xtensor: an adaptor is the tensor's own memory, ranks 1 to 5") {
  tensor<float, 5, host> t(host{}, shape{2, 1, 3, 2, 2});
  std::iota(t.data_handle(), t.data_handle() + 24, 0.f);
  auto a = as_xtensor(t.view());
  CHECK(a.dimension() == 5);
  CHECK(a.shape(2) == 3);
  CHECK(a(1, 0, 2, 1, 0) == t.view()(1, 0, 2, 1, 0));
  CHECK(&a(0, 0, 0, 0, 0) == t.data_handle());
  CHECK(xt::sum(a)() == 276);
  a(1, 0, 2, 1, 0) = -1;
  CHECK(t.view()(1, 0, 2, 1, 0) == -1);
  tensor<double, 1, host> v(host{}, shape{4});
  auto w = as_xtensor(v.view());
  w.fill(2.5);
  CHECK(v.view()(3) == 2.5);
  CHECK(xt::sum(as_xtensor(tensor_view<double const, 1, host>(v.view())))() == 10);
}

TEST_CASE("xtensor: strided and const views, expressions, halves") {
  tensor<double, 3, host> t(host{}, shape{2, 3, 4});
  std::iota(t.data_handle(), t.data_handle() + 24, 0.0);
  tensor_view<double const, 3, host> const part = tensor_view<double const, 3, host>(t.view()).columns(1, 2);
  auto const a = as_xtensor(part);
  CHECK(a(1, 2, 1) == t.view()(1, 2, 2));
  CHECK(xt::sum(a)() == 5 * 24 + 6 + 12);
  xt::xtensor<double, 2> const mean = xt::mean(a, {0});
  CHECK(mean(0, 0) == 7);
  xt::xtensor<double, 3> const copy = a;
  CHECK(copy(1, 2, 1) == t.view()(1, 2, 2));
  CHECK(copy(0, 1, 0) == t.view()(0, 1, 1));
  auto target = as_xtensor(t.view().columns(2, 2));
  xt::noalias(target) = xt::zeros<double>({2, 3, 2});
  CHECK(t.view()(1, 2, 1) == 21);
  CHECK(t.view()(1, 2, 2) == 0);
  CHECK(t.view()(0, 1, 3) == 0);
  tensor_view<double, 2, host> const one_row(t.data_handle(), shape{1, 4}, shape{12, 1});
  CHECK(as_xtensor(one_row)(0, 1) == 1);
  tensor<scale::f16, 2, host> h(host{}, shape{1, 2});
  h.data_handle()[0] = scale::f16(1.5f);
  h.data_handle()[1] = scale::f16(-0.25f);
  xt::xtensor<float, 2> const floats = xt::cast<float>(as_xtensor(h.view()));
  CHECK(floats(0, 1) == -0.25f);
}

TEST_CASE("xtensor: an array of xtensor's as a view") {
  xt::xtensor<float, 3> array = xt::ones<float>({2, 3, 4});
  array(1, 2, 3) = 5;
  auto const view = scale::as_view<host>(array);
  CHECK(view.extents() == shape{2, 3, 4});
  CHECK(view.data_handle() == array.data());
  CHECK(view(1, 2, 3) == 5);
}
