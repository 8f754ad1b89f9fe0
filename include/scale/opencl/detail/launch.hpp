// SPDX-License-Identifier: Apache-2.0
#pragma once
// Launching kernels: over what, and with which arguments.

#include <scale/core/tensor_view.hpp>
#include <scale/opencl/context.hpp>

#include <concepts>
#include <cstddef>
#include <string>

namespace scale::opencl::detail {

constexpr index_t ceil_div(index_t a, index_t b) { return (a + b - 1) / b; }

/// Groups along two axes; their items lie along the first.
struct work {
  index_t groups, second = 1;
  index_t items = work_tuning::group;
};

/// FOR_ELEMENTS over a matrix.
inline work elements(index_t rows, index_t columns) {
  return {rows * ceil_div(columns, index_t{work_tuning::group} * work_tuning::per_item)};
}

/// An item for each of `count`; the last group may have more.
inline work items(index_t count) { return {ceil_div(count, work_tuning::group)}; }

/// A group for each of `count` rows.
inline work rows(index_t count) { return {count}; }

/// As the parameter MATRIX of a kernel; ARRAY is a pointer.
template <class T>
struct matrix {
  T* data;
  index_t stride;

  matrix(tensor_view<T, 2, context> const& x) : data(x.data_handle()), stride(x.stride(0)) {}
};

/// As a parameter `local T*` of a kernel.
struct local_bytes {
  std::size_t count;
};

/// A float for each item of a group, for sums over it.
inline constexpr local_bytes group_floats{work_tuning::group * sizeof(float)};

/// Sets the parameters of a kernel one after another.
class argument_setter {
 public:
  argument_setter(context const& c, char const* op, compute::kernel& kernel) : c_(c), op_(op), kernel_(kernel) {}

  template <class T>
  void operator()(T* data) {
    memory_place const place = c_.state().find(data, op_);
    set(sizeof(cl_mem), place.memory != nullptr ? &place.memory : nullptr);
    (*this)(static_cast<index_t>(place.offset / sizeof(T)));
  }
  template <class T>
  void operator()(matrix<T> const& x) {
    (*this)(x.data);
    (*this)(x.stride);
  }
  void operator()(local_bytes bytes) { set(bytes.count, nullptr); }

  /// Several parameters that belong together.
  template <class Group>
  requires requires(Group const& group, argument_setter& setter) { group.pass_to(setter); }
  void operator()(Group const& group) { group.pass_to(*this); }

  /// float, and integers of 32 and 64 bits.
  template <class T>
  requires(std::same_as<T, float> || (std::integral<T> && sizeof(T) >= 4)) void operator()(T value) {
    set(sizeof(T), &value);
  }

 private:
  void set(std::size_t size, void const* value) {
    cl_int const code = clSetKernelArg(kernel_.get(), next_, size, value);
    if (code != CL_SUCCESS) check(code, op_, "argument " + std::to_string(next_) + " of kernel " + kernel_.name());
    ++next_;
  }

  context const& c_;
  char const* op_;
  compute::kernel& kernel_;
  cl_uint next_ = 0;
};

/// Queues a kernel of `source`, compiled with `defines`, "-D NAME=VALUE ..."; `op` names it in errors. No groups are no
/// launch.
template <class... Arguments>
void launch_with(context const& c, char const* op, program_source const& source, std::string const& defines,
                 char const* kernel_name, work const& w, Arguments const&... arguments) {
  if (w.groups == 0 || w.second == 0) return;
  compute::kernel& kernel = c.state().kernel(source, defines, kernel_name, op);
  argument_setter set(c, op, kernel);
  (set(arguments), ...);
  std::size_t const group[] = {static_cast<std::size_t>(w.items), 1};
  std::size_t const all[] = {static_cast<std::size_t>(w.groups) * group[0], static_cast<std::size_t>(w.second)};
  cl_int const code =
      clEnqueueNDRangeKernel(c.state().queue().get(), kernel.get(), 2, nullptr, all, group, 0, nullptr, nullptr);
  if (code != CL_SUCCESS)
    check(code, op, std::string("launching kernel ") + kernel_name + " on device '" + c.device_name() + "'");
  c.state().queued(op);
}

template <class... Arguments>
void launch(context const& c, char const* op, program_source const& source, char const* kernel_name, work const& w,
            Arguments const&... arguments) {
  launch_with(c, op, source, std::string(), kernel_name, w, arguments...);
}

}  // namespace scale::opencl::detail
