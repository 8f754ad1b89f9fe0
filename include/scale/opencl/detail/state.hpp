// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the copies of an OpenCL context and its buffers share: a device, a queue, memory, programs.

#include <scale/opencl/detail/find_device.hpp>
#include <scale/opencl/detail/memory_map.hpp>
#include <scale/opencl/detail/programs.hpp>
#include <scale/opencl/options.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace scale::opencl::detail {

/// Not copyable; lives until the last context and buffer of it are gone, then waits for its queue.
class state {
 public:
  state(context_options const& options, location at)
      : options_(options),
        device_(checked("opencl::context", "choosing a device", [&] { return find_device(options.device, at); })),
        context_(checked("opencl::context", "making a context", [&] { return compute::context(device_); })),
        queue_(checked("opencl::context", "making a queue", [&] { return compute::command_queue(context_, device_); })),
        programs_(options, context_, device_),
        is_cpu_((device_.type() & CL_DEVICE_TYPE_CPU) != 0) {
    if (device_.max_work_group_size() < std::size_t{work_tuning::group})
      throw resource_error("[opencl::context] device '" + device_.name() + "': expected groups of at least " +
                           std::to_string(work_tuning::group) + " work-items, found " +
                           std::to_string(device_.max_work_group_size()) +
                           "; another device is chosen by SCALE_OPENCL_DEVICE");
  }
  state(state const&) = delete;
  state& operator=(state const&) = delete;
  ~state() { clFinish(queue_.get()); }  // a destructor reports nothing

  context_options const& options() const { return options_; }
  compute::device const& device() const { return device_; }
  compute::command_queue& queue() { return queue_; }
  bool is_cpu() const { return is_cpu_; }

  /// nullptr for no bytes; else an address that only find() and pointer arithmetic take.
  void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    try {
      return memory_.add(compute::buffer(context_, bytes), bytes);
    } catch (compute::opencl_error const& e) {
      throw resource_error("[opencl memory] " + std::to_string(bytes) + " bytes cannot be allocated on device '" +
                           device_.name() + "', which has " + std::to_string(device_.global_memory_size()) +
                           " bytes and gives at most " + std::to_string(device_.max_memory_alloc_size()) +
                           " at once: " + describe(e.error_code()) + std::string(advice(e.error_code())));
    }
  }

  /// Work queued before may still use the memory: the runtime keeps it until that is done.
  void free(void* data) noexcept {
    if (data != nullptr) memory_.remove(data);
  }

  memory_place find(void const* address, std::string_view op) const { return memory_.find(address, op); }

  compute::kernel& kernel(program_source const& source, std::string const& defines, char const* name,
                          std::string_view op) {
    return programs_.kernel(source, defines, name, op);
  }

  /// Waits for all work. Throws resource_error where a kernel failed.
  void synchronize(std::string_view op) {
    cl_int const code = clFinish(queue_.get());
    if (code != CL_SUCCESS)
      check(code, op, std::string("work queued before failed; the last operator queued was ") + last_op_);
  }

  /// To be called after work of `op`, a literal, was queued.
  void queued(char const* op) {
    last_op_ = op;
    if (options_.checks == launch_checks::each) synchronize(op);
  }

 private:
  context_options options_;
  compute::device device_;
  compute::context context_;
  compute::command_queue queue_;
  memory_map memory_;
  programs programs_;
  bool is_cpu_;
  char const* last_op_ = "none";
};

}  // namespace scale::opencl::detail
