// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a backend is: a cheap handle that gives memory; its operators are found beside it by argument-dependent lookup.

#include <concepts>
#include <cstddef>
#include <string_view>

namespace scale {

/// A context type such as ref::context. `buffer` owns memory (movable, not copyable; data(); size in bytes);
/// `host_accessible` says whether the host may read and write it directly; `name` is its word on the command line.
template <class B>
concept backend = requires(B const& b, std::size_t bytes) {
  typename B::buffer;
  { b.allocate(bytes) } -> std::same_as<typename B::buffer>;
  { B::name } -> std::convertible_to<std::string_view>;
  { B::host_accessible } -> std::convertible_to<bool>;
}
&&std::movable<typename B::buffer>;

/// A backend whose memory the host reads and writes directly.
template <class B>
concept host_backend = backend<B> && B::host_accessible;

}  // namespace scale
