// SPDX-License-Identifier: Apache-2.0
#pragma once
// The programs of a context: compiled when first used, or read from disk.

#include <scale/opencl/detail/program_file.hpp>
#include <scale/opencl/detail/program_source.hpp>
#include <scale/opencl/detail/runtime.hpp>
#include <scale/opencl/options.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace scale::opencl::detail {

class programs {
 public:
  programs(context_options const& options, compute::context context, compute::device device)
      : context_(std::move(context)), device_(std::move(device)) {
    if (options.cache == program_cache::disk)
      folder_ = options.cache_folder.empty() ? default_cache_folder() : options.cache_folder;
  }

  /// Compiled once per source and `defines`, which are "-D NAME=VALUE ...".
  compute::kernel& kernel(program_source const& source, std::string const& defines, char const* name,
                          std::string_view op) {
    auto const found = kernels_.find({&source, defines, name});
    if (found != kernels_.end()) return found->second;
    auto program = programs_.find({&source, defines});
    if (program == programs_.end())
      program = programs_.emplace(std::pair(&source, defines), make(source, defines, op)).first;
    compute::kernel made =
        checked(op, std::string("kernel ") + name, [&] { return compute::kernel(program->second, name); });
    return kernels_.emplace(kernel_key{&source, defines, name}, std::move(made)).first->second;
  }

 private:
  using kernel_key = std::tuple<program_source const*, std::string, std::string>;

  compute::program make(program_source const& source, std::string const& defines, std::string_view op) const {
    std::string const text = text_of(source);
    std::string const options =
        "-cl-std=CL1.2 -D PER_ITEM=" + std::to_string(work_tuning::per_item) + (defines.empty() ? "" : " " + defines);
    std::optional<program_file> file;
    if (!folder_.empty()) {
      file.emplace(folder_, text + '\0' + options + '\0' + checked(op, "naming the device", [&] { return machine(); }));
      if (auto const binary = file->read())
        if (auto program = from_binary(*binary, options)) return *std::move(program);
    }
    compute::program program =
        checked(op, "making a program", [&] { return compute::program::create_with_source(text, context_); });
    try {
      program.build(options);
    } catch (compute::opencl_error const& e) {
      throw resource_error("[" + std::string(op) + "] the kernels of '" + source.name +
                           "' do not compile for device '" + device_.name() + "' (driver " + device_.driver_version() +
                           "): " + describe(e.error_code()) + "; its compiler says:\n" + program.build_log());
    }
    if (file) file->write(checked(op, "reading a compiled program", [&] { return program.binary(); }));
    return program;
  }

  /// Nothing where the driver refuses it: what was stored is then compiled again.
  std::optional<compute::program> from_binary(std::vector<unsigned char> const& binary,
                                              std::string const& options) const {
    try {
      compute::program program = compute::program::create_with_binary(binary, context_);
      program.build(options);
      return program;
    } catch (compute::opencl_error const&) {
      return std::nullopt;
    }
  }

  /// All of the machine that a binary depends on.
  std::string machine() const {
    compute::platform const platform = device_.platform();
    return platform.name() + '\0' + platform.version() + '\0' + device_.name() + '\0' + device_.version() + '\0' +
           device_.driver_version();
  }

  compute::context context_;
  compute::device device_;
  std::filesystem::path folder_;
  std::map<std::pair<program_source const*, std::string>, compute::program> programs_;
  std::map<kernel_key, compute::kernel> kernels_;
};

}  // namespace scale::opencl::detail
