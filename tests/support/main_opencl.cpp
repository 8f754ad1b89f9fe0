// SPDX-License-Identifier: Apache-2.0
// doctest's main for tests on a device: where there is none they are skipped, with a message and exit code 77.
#define DOCTEST_CONFIG_IMPLEMENT
#include <scale/opencl/context.hpp>

#include <doctest/doctest.h>

#include <iostream>

int main(int argc, char** argv) {
  try {
    scale::opencl::context const c;
  } catch (scale::resource_error const& e) {
    std::cout << "skipped: " << e.what() << '\n';
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
