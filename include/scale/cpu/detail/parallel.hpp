// SPDX-License-Identifier: Apache-2.0
#pragma once
// Threads of the CPU backend: OpenMP's, as many as the context allows, for own loops and for oneDNN's.

#include <scale/core/shape.hpp>
#include <scale/cpu/context.hpp>

#include <omp.h>

#include <algorithm>
#include <exception>

namespace scale::cpu::detail {

/// While it lives, OpenMP regions that the calling thread starts (oneDNN's among them) use the context's threads.
class thread_scope {
 public:
  explicit thread_scope(context const& c) : previous_(omp_get_max_threads()) {
    if (previous_ != c.threads()) omp_set_num_threads(c.threads());
  }
  ~thread_scope() { omp_set_num_threads(previous_); }
  thread_scope(thread_scope const&) = delete;
  thread_scope& operator=(thread_scope const&) = delete;

 private:
  int previous_;
};

/// Part `part` of `parts` near-equal parts of [0, n).
struct range {
  index_t begin, end;
};

inline range part_of(index_t n, int part, int parts) {
  index_t const whole = n / parts, rest = n % parts;
  index_t const begin = part * whole + (std::min)(static_cast<index_t>(part), rest);
  return {begin, begin + whole + (part < rest ? 1 : 0)};
}

/// f(begin, end) for disjoint ranges that cover [0, n), at most c.threads() of them and none below `grain` items
/// unless n is. Where the cuts fall depends on the number of threads: a result must not. What f throws is rethrown
/// here.
template <class F>
void parallel_for(context const& c, index_t n, index_t grain, F const& f) {
  if (n <= 0) return;
  index_t const most = (std::max)(index_t{1}, n / (std::max)(index_t{1}, grain));
  int const threads = static_cast<int>((std::min)(most, static_cast<index_t>(c.threads())));
  if (threads == 1) {
    f(index_t{0}, n);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
  {
    range const mine = part_of(n, omp_get_thread_num(), omp_get_num_threads());
    try {
      if (mine.begin < mine.end) f(mine.begin, mine.end);
    } catch (...) {
#pragma omp critical(scale_cpu_parallel_for)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// Items per part so that a part moves at least 64 KiB: below that, waking a thread costs more than it saves.
inline index_t grain_for(index_t bytes_per_item) {
  return (std::max)(index_t{1}, (index_t{1} << 16) / (std::max)(index_t{1}, bytes_per_item));
}

}  // namespace scale::cpu::detail
