// SPDX-License-Identifier: Apache-2.0
#include <scale/core.hpp>
#include <scale/io.hpp>
#include <scale/ref.hpp>

int main() {
  using context = scale::ref::context;
  scale::tensor<double, 2, context> const x(context{}, scale::shape{2, 3});
  return x.size() == 6 ? 0 : 1;
}
