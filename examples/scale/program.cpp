// SPDX-License-Identifier: Apache-2.0
#include "scale/program.hpp"

#include <iostream>

namespace scale::program {

std::vector<std::string> const& backend_names() {
  static std::vector<std::string> const names = {
#if SCALE_PROGRAM_CPU
    cpu::context::name,
#endif
#if SCALE_PROGRAM_CUDA
    cuda::context::name,
#endif
    ref::context::name
  };
  return names;
}

void require_backend(session const& s) {
  std::string known;
  for (std::string const& name : backend_names()) {
    if (name == s.options.backend) return;
    known += (known.empty() ? "" : ", ") + name;
  }
  throw resource_error("backend " + s.options.backend + " is not compiled into this program; it has: " + known);
}

void require_output() {
  if (!std::cout.flush())
    throw resource_error(
        "standard output cannot be written: the disk is full, or nobody reads; write to another place");
}

void print_json(nlohmann::ordered_json const& object) {
  std::cout << object.dump() << '\n';
  require_output();
}

void say(session const& s, std::string const& text) {
  if (!s.options.quiet) std::cerr << text << '\n';
}

void wrong_usage(std::string_view option, std::string_view expected, std::string_view got, std::string_view advice) {
  std::string text = std::string(option) + ": expected " + std::string(expected) + ", got " + std::string(got);
  if (!advice.empty()) text += "; " + std::string(advice);
  throw argument_error(text);
}

}  // namespace scale::program
