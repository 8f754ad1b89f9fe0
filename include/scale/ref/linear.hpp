// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference fully connected layer, sums in stat_t<T>.

#include <scale/ops/linear.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/gelu.hpp>

namespace scale::ref {

template <floating T>
void linear_forward(context const&, tensor_view<T const, 2, context> x, linear_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t r = 0; r < x.extent(0); ++r)
    for (index_t o = 0; o < a.weight.extent(0); ++o) {
      stat sum = a.bias.has_data() ? stat(a.bias(o)) : stat(0);
      for (index_t i = 0; i < x.extent(1); ++i) sum += stat(x(r, i)) * stat(a.weight(o, i));
      if (a.pre.has_data()) a.pre(r, o) = T(sum);
      switch (a.act) {
        case activation::none: break;
        case activation::relu: sum = sum < 0 ? stat(0) : sum; break;
        case activation::relu6: sum = sum < 0 ? stat(0) : sum > 6 ? stat(6) : sum; break;
        case activation::gelu: sum = detail::gelu(sum); break;
      }
      a.y(r, o) = T(sum);
    }
}

template <floating T>
void linear_backward(context const&, tensor_view<T const, 2, context> x, linear_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), inputs = x.extent(1), outputs = a.dy.extent(1);
  if (a.dx.has_data())
    for (index_t r = 0; r < n; ++r)
      for (index_t i = 0; i < inputs; ++i) {
        stat sum = 0;
        for (index_t o = 0; o < outputs; ++o) sum += stat(a.dy(r, o)) * stat(a.weight(o, i));
        a.dx(r, i) = a.dx_mode == write_mode::accumulate ? T(stat(a.dx(r, i)) + sum) : T(sum);
      }
  if (a.dweight.has_data())
    for (index_t o = 0; o < outputs; ++o)
      for (index_t i = 0; i < inputs; ++i) {
        stat sum = 0;
        for (index_t r = 0; r < n; ++r) sum += stat(a.dy(r, o)) * stat(x(r, i));
        a.dweight(o, i) += sum;
      }
  if (a.dbias.has_data())
    for (index_t o = 0; o < outputs; ++o) {
      stat sum = 0;
      for (index_t r = 0; r < n; ++r) sum += stat(a.dy(r, o));
      a.dbias(o) += sum;
    }
}

}  // namespace scale::ref
