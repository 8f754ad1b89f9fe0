// SPDX-License-Identifier: Apache-2.0
// scale info: version, backends, devices, what is compiled in.
#include <scale/core/error.hpp>
#include <scale/core/version.hpp>
#if SCALE_PROGRAM_CUDA
#include <scale/cuda/devices.hpp>
#endif

#include "scale/program.hpp"
#include <fmt/format.h>

#include <iostream>
#include <thread>

namespace scale::program {

namespace {

/// The devices of a backend, or why there is none.
struct device_list {
  nlohmann::ordered_json devices = nlohmann::ordered_json::array();
  std::string problem;
};

device_list cuda_devices() {
  device_list out;
#if SCALE_PROGRAM_CUDA
  try {
    for (cuda::device_info const& one : cuda::devices())
      out.devices.push_back(
          {{"name", one.name}, {"compute_capability", one.capability}, {"memory_mb", one.bytes >> 20}});
  } catch (resource_error const& e) {
    out.problem = e.what();
  }
#endif
  return out;
}

void print_text() {
  std::cout << "scale " << version << "\nbackends:\n";
  for (std::string const& name : backend_names()) {
    std::cout << "  " << name << (name == ref::context::name ? " (f64)\n" : " (f32, bf16)\n");
    if (name != "cuda") continue;
    device_list const found = cuda_devices();
    if (!found.problem.empty()) std::cout << "    " << found.problem << '\n';
    int number = 0;
    for (auto const& one : found.devices)
      std::cout << fmt::format("    device {}: {}, compute capability {}, {} MB\n", number++,
                               one.at("name").get<std::string>(), one.at("compute_capability").get<std::string>(),
                               one.at("memory_mb").get<std::size_t>());
  }
  std::cout << "cores: " << std::thread::hardware_concurrency() << '\n';
}

}  // namespace

void add_info(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("info", "version, backends, devices, what is compiled in");
  command->callback([&s] {
    s.run = [&s] {
      if (s.options.json)
        print_json({{"version", version},
                    {"backends", backend_names()},
                    {"cuda_devices", cuda_devices().devices},
                    {"cores", std::thread::hardware_concurrency()}});
      else
        print_text();
      return exit_code::done;
    };
  });
}

}  // namespace scale::program
