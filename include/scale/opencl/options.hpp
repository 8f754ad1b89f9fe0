// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which device an OpenCL context takes, and how it computes.

#include <filesystem>
#include <string>

namespace scale::opencl {

enum class launch_checks {
  none,  // a fault of a kernel is reported by the next call that waits for the device
  each,  // every operator waits for its kernels, so that a fault names it: slow, for finding errors
};

enum class program_cache {
  memory,  // every process compiles what it uses
  disk,    // compiled programs are kept for the next process
};

struct context_options {
  /// A number, as opencl::devices() counts, or a part of a device's name. Empty: what SCALE_OPENCL_DEVICE says, in the
  /// same words; without it the first GPU, and where there is none the first device.
  std::string device{};
  launch_checks checks = launch_checks::none;
  program_cache cache = program_cache::disk;
  /// Of compiled programs. Empty: $XDG_CACHE_HOME/scale/opencl, or ~/.cache/scale/opencl; where the environment names
  /// neither, programs are kept in memory alone.
  std::filesystem::path cache_folder{};
};

}  // namespace scale::opencl
