// SPDX-License-Identifier: Apache-2.0
// doctest's main for tests on a device: where there is none they are skipped, with a message and exit code 77.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <support/backend_opencl.hpp>

#include <iostream>

int main(int argc, char** argv) {
  try {
    testing::make_backend();
  } catch (scale::resource_error const& e) {
    std::cout << "skipped: " << e.what() << '\n';
    return 77;
  }
  int const result = doctest::Context(argc, argv).run();
  testing::shared_backend.reset();
  return result;
}
