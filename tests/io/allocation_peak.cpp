// SPDX-License-Identifier: Apache-2.0
#include "io/allocation_peak.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> now{0}, peak{0};

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  std::size_t const sum = now.fetch_add(::malloc_usable_size(memory)) + ::malloc_usable_size(memory);
  std::size_t highest = peak.load();
  while (sum > highest && !peak.compare_exchange_weak(highest, sum)) {
  }
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  now.fetch_sub(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

namespace testing {

std::size_t allocated_now() { return now.load(); }
std::size_t allocated_peak() { return peak.load(); }
void reset_allocated_peak() { peak.store(now.load()); }

}  // namespace testing

void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new[](std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
