// SPDX-License-Identifier: Apache-2.0
#include <scale/opencl.hpp>

#include <iostream>
#include <vector>

// A matrix product and GELU on the device: OpenCL must be linked. Without a device it says so.
int main() {
  using context = scale::opencl::context;
  try {
    context const c({.cache = scale::opencl::program_cache::memory});
    scale::tensor<float, 2, context> x(c, scale::shape{1, 1}), y(c, scale::shape{1, 1});
    scale::upload(c, std::vector<float>{3}, x);
    scale::matmul(c, x, {.b = x, .c = y});
    scale::gelu_forward(c, y, {.y = y});
    std::vector<float> result(1);
    scale::download(c, y, result);
    return result[0] > 8.99f && result[0] < 9.01f ? 0 : 1;
  } catch (scale::resource_error const& e) {
    std::cout << e.what() << '\n';
    return 0;
  }
}
