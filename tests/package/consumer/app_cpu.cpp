// SPDX-License-Identifier: Apache-2.0
#include <scale/cpu.hpp>

#include <oneapi/dnnl/dnnl.hpp>

// Layer normalisation of one row of two numbers, on the CPU backend; and a call into oneDNN, which must be linked.
int main() {
  scale::cpu::context const b{1};
  float x[] = {1, 3}, gamma[] = {1, 1}, beta[] = {0, 0}, y[] = {0, 0}, mean = 0, rstd = 0;
  scale::tensor_view<float, 2, scale::cpu::context> const rows(x, scale::shape{1, 2});
  scale::layer_norm_forward(b, rows,
                            {.gamma = {gamma, scale::shape{2}},
                             .beta = {beta, scale::shape{2}},
                             .y = {y, scale::shape{1, 2}},
                             .mean = {&mean, scale::shape{1}},
                             .rstd = {&rstd, scale::shape{1}}});
  return mean == 2.0f && y[0] < -0.99f && y[1] > 0.99f && dnnl::version()->major >= 2 ? 0 : 1;
}
