// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory for the activations of one step: allocated once, handed out and taken back like a stack.

#include <scale/core/dtype.hpp>
#include <scale/core/tensor_view.hpp>
#include <scale/nn/tensor_watch.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// A tensor of an arena, for those who ask where memory goes.
struct arena_record {
  location at;  // who took it
  dtype type = dtype::f32;
  std::string shape;
  std::size_t begin = 0;     // in the arena, bytes
  std::size_t bytes = 0;     // with what alignment adds
  std::size_t taken = 0;     // when: the takes and releases of the log, counted from 1
  std::size_t released = 0;  // 0: not yet
};

/// In the order taken.
struct arena_log {
  std::vector<arena_record> records;
  std::size_t clock = 0;
};

/// A stack of tensors over one allocation. Made without memory it only counts: run the same sequence of calls with the
/// largest sizes, and peak() is what to allocate. Views stay valid until what lies below them is released.
template <backend B>
class arena {
 public:
  static constexpr std::size_t alignment = 64;

  /// Counts; views have no data.
  arena() = default;

  arena(B const& b, std::size_t bytes) : buffer_(b.allocate(bytes)), capacity_(bytes) {}

  /// Uninitialised. Throws argument_error where the memory planned does not suffice: sizes above the planned ones.
  template <element T, int Rank>
  tensor_view<T, Rank, B> take(shape<Rank> const& s, location at = location::current()) {
    std::size_t const bytes = (std::max)(bytes_of(s, sizeof(T), at), sizeof(T));  // an empty tensor has data too
    std::size_t const begin = used_;
    used_ += (bytes + alignment - 1) / alignment * alignment;
    peak_ = (std::max)(peak_, used_);
    if (log_ != nullptr)
      log_->records.push_back({at, dtype_of<T>, to_string(s), begin, used_ - begin, ++log_->clock, 0});
    if (buffer_.data() == nullptr) return {nullptr, s};
    if (used_ > capacity_)
      throw_expected("arena", "planned bytes", "at least " + std::to_string(used_), std::to_string(capacity_), at);
    return {reinterpret_cast<T*>(static_cast<std::byte*>(buffer_.data()) + begin), s};
  }

  std::size_t mark() const { return used_; }
  void release(std::size_t mark) {
    used_ = mark;
    if (log_ == nullptr) return;
    ++log_->clock;
    for (arena_record& one : log_->records)
      if (one.released == 0 && one.begin >= mark) one.released = log_->clock;
  }

  /// Records every tensor taken from here on; nullptr stops. `log` is the caller's, and must live as long. Slow: each
  /// release looks at all records.
  void record(arena_log* log) { log_ = log; }

  /// Shows every tensor that `computed` is told of to `watch`, which is the caller's; nullptr stops.
  void watch(tensor_watch* watch) { watch_ = watch; }

  /// Networks say here what they have just computed; see tensor_watch::look for the arguments. Without a watch this
  /// does nothing.
  template <element T, int Rank>
  void computed(B const& b, std::string_view what, std::string_view owner, std::string_view part,
                tensor_view<T, Rank, B> view) const {
    if (watch_ != nullptr) watch_->look(b, what, owner, part, tensor_view<T const, Rank, B>(view));
  }

  std::size_t peak() const { return peak_; }
  std::size_t capacity() const { return capacity_; }

 private:
  typename B::buffer buffer_{};
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  arena_log* log_ = nullptr;
  tensor_watch* watch_ = nullptr;
};

/// Releases what was taken since it was made.
template <backend B>
class arena_scope {
 public:
  explicit arena_scope(arena<B>& a) : arena_(a), mark_(a.mark()) {}
  ~arena_scope() { arena_.release(mark_); }
  arena_scope(arena_scope const&) = delete;
  arena_scope& operator=(arena_scope const&) = delete;

 private:
  arena<B>& arena_;
  std::size_t mark_;
};

}  // namespace scale
