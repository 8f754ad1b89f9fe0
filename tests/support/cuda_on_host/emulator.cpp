// SPDX-License-Identifier: Apache-2.0
// longjmp between stacks is refused by the fortified one.
#undef _FORTIFY_SOURCE

#include "emulator.hpp"

#include "cuda_runtime.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define ON_HOST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ON_HOST_ASAN 1
#endif
#endif
#ifndef ON_HOST_ASAN
#define ON_HOST_ASAN 0
#endif

#if ON_HOST_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace scale::cuda::detail {
inline constexpr std::size_t shared_capacity = 227u << 10;  // per block, as on the largest devices
alignas(128) unsigned char scale_shared_bytes[shared_capacity + 256];
}  // namespace scale::cuda::detail

struct cuda_on_host_stream {
  int device = 0;
  std::vector<std::function<void()>> queue;
};
struct cuda_on_host_pool {
  int device = 0;
};

namespace cuda_on_host {

namespace {

using scale::cuda::detail::scale_shared_bytes;
using scale::cuda::detail::shared_capacity;

constexpr unsigned char poison = 0xff;  // NaN in every floating type, -1 in every integer
constexpr std::size_t guard_bytes = 256;
constexpr std::size_t stack_bytes = std::size_t{256} << 10;
constexpr int most_threads = 1024;

struct generator {
  std::uint64_t state = 1;
  std::uint32_t below(std::uint32_t bound) {
    state += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<std::uint32_t>(((z ^ (z >> 31)) >> 32) * bound >> 32);
  }
};

enum class thread_state { ready, at_block_barrier, at_warp_operation, ended };

struct fiber {
  ucontext_t context;
  jmp_buf resume_point;
  unsigned char* stack = nullptr;
  bool alive = false;  // has a stack frame to go back to
  thread_state state = thread_state::ended;
  unsigned warp_mask = 0;
  void* sanitizer = nullptr;
};

struct warp {
  std::uint64_t values[2][32];
  unsigned arrived = 0, operation = 0;
};

struct allocation {
  std::size_t bytes = 0;
};

struct engine {
  machine found;
  generator random;
  int device = 0;
  cudaError_t last = cudaSuccess;
  std::string fault_text;
  bool faulted = false;
  std::map<void*, allocation> allocations;

  // the running block
  std::vector<fiber> fibers{most_threads};
  std::vector<warp> warps{most_threads / 32};
  std::vector<int> ready;
  int current = -1, threads = 0, waiting = 0, ended = 0;
  std::function<void()> const* body = nullptr;
  jmp_buf scheduler_point;
  ucontext_t scheduler_context;
  void* scheduler_sanitizer = nullptr;
  void const* scheduler_stack = nullptr;
  std::size_t scheduler_stack_bytes = 0;
};

engine& e() {
  static engine* const it = [] {
    auto* made = new engine;  // outlives every static object that frees device memory
    char const* const seed = std::getenv("SCALE_TEST_SEED");
    made->random.state = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
    return made;
  }();
  return *it;
}

void switch_to_scheduler(fiber& from) {
#if ON_HOST_ASAN
  __sanitizer_start_switch_fiber(&from.sanitizer, e().scheduler_stack, e().scheduler_stack_bytes);
  swapcontext(&from.context, &e().scheduler_context);
  __sanitizer_finish_switch_fiber(from.sanitizer, &e().scheduler_stack, &e().scheduler_stack_bytes);
#else
  if (_setjmp(from.resume_point) == 0) _longjmp(e().scheduler_point, 1);
#endif
}

/// A fiber lives as long as the process and runs one thread of a block after another.
void fiber_main() {
#if ON_HOST_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &e().scheduler_stack, &e().scheduler_stack_bytes);
#endif
  for (;;) {
    fiber& own = e().fibers[static_cast<std::size_t>(e().current)];
    (*e().body)();
    own.state = thread_state::ended;
    switch_to_scheduler(own);
  }
}

void start(fiber& f) {
  if (f.stack == nullptr) {
    void* const memory =
        mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    mprotect(memory, 4096, PROT_NONE);
    f.stack = static_cast<unsigned char*>(memory);
  }
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack + 4096;
  f.context.uc_stack.ss_size = stack_bytes - 4096;
  f.context.uc_link = nullptr;
  makecontext(&f.context, fiber_main, 0);
  f.alive = true;
}

/// Runs thread `index` until it waits or ends.
[[gnu::noinline]] void resume(int index) {
  fiber& f = e().fibers[static_cast<std::size_t>(index)];
  e().current = index;
  bool const fresh = !f.alive;
  if (fresh) start(f);
#if ON_HOST_ASAN
  __sanitizer_start_switch_fiber(&e().scheduler_sanitizer, f.stack + 4096, stack_bytes - 4096);
  swapcontext(&e().scheduler_context, &f.context);
  __sanitizer_finish_switch_fiber(e().scheduler_sanitizer, nullptr, nullptr);
#else
  if (_setjmp(e().scheduler_point) == 0) {
    if (fresh)
      setcontext(&f.context);
    else
      _longjmp(f.resume_point, 1);
  }
#endif
}

void record_fault(std::string const& what) {
  if (e().faulted) return;
  e().faulted = true;
  e().fault_text = what;
}

bool whole(unsigned char const* from, std::size_t bytes) {
  return std::all_of(from, from + bytes, [](unsigned char byte) { return byte == poison; });
}

void check_guards() {
  for (auto const& [data, what] : e().allocations) {
    auto const* const bytes = static_cast<unsigned char const*>(data);
    if (!whole(bytes - guard_bytes, guard_bytes) || !whole(bytes + what.bytes, guard_bytes))
      record_fault("a kernel wrote outside of an allocation of " + std::to_string(what.bytes) + " bytes");
  }
}

void release_if_all_arrived() {
  engine& m = e();
  if (m.waiting == 0 || m.waiting + m.ended < m.threads) return;
  for (int i = 0; i < m.threads; ++i) {
    fiber& f = m.fibers[static_cast<std::size_t>(i)];
    if (f.state != thread_state::at_block_barrier) continue;
    f.state = thread_state::ready;
    m.ready.push_back(i);
  }
  m.waiting = 0;
}

void run_block(dim3 block, std::size_t shared_bytes, std::function<void()> const& thread) {
  engine& m = e();
  m.threads = static_cast<int>(block.x * block.y * block.z);
  m.body = &thread;
  m.waiting = m.ended = 0;
  std::memset(scale_shared_bytes, poison, shared_bytes + guard_bytes);
  for (warp& w : m.warps) w.arrived = w.operation = 0;
  m.ready.resize(static_cast<std::size_t>(m.threads));
  std::iota(m.ready.begin(), m.ready.end(), 0);
  for (int const i : m.ready) m.fibers[static_cast<std::size_t>(i)].state = thread_state::ready;
  while (!m.ready.empty() && !m.faulted) {
    std::size_t const chosen = m.random.below(static_cast<std::uint32_t>(m.ready.size()));
    int const index = m.ready[chosen];
    m.ready[chosen] = m.ready.back();
    m.ready.pop_back();
    auto const number = static_cast<unsigned>(index);
    threadIdx = {number % block.x, number / block.x % block.y, number / block.x / block.y};
    resume(index);
    if (m.fibers[static_cast<std::size_t>(index)].state == thread_state::ended) ++m.ended, release_if_all_arrived();
  }
  if (!m.faulted && m.ended != m.threads)
    record_fault(
        "the threads of a block wait for each other at different places: a barrier or warp operation that "
        "not all of them reach");
  if (m.faulted)  // threads that wait stay where they are: their stacks are used afresh
    for (fiber& f : m.fibers)
      if (f.state != thread_state::ended) f.alive = false, f.state = thread_state::ended;
  if (!whole(scale_shared_bytes + shared_bytes, guard_bytes))
    record_fault("a kernel wrote beyond its " + std::to_string(shared_bytes) + " bytes of shared memory");
}

void run_kernel(dim3 grid, dim3 block, std::size_t shared_bytes, std::function<void()> const& thread) {
  engine& m = e();
  ++m.found.launches;
  std::vector<std::uint32_t> order(std::size_t{grid.x} * grid.y * grid.z);
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[m.random.below(static_cast<std::uint32_t>(i))]);
  gridDim = grid;
  blockDim = block;
  for (std::uint32_t const number : order) {
    if (m.faulted) return;
    blockIdx = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
    run_block(block, shared_bytes, thread);
  }
  check_guards();
}

cudaError_t remember(cudaError_t code) {
  if (code != cudaSuccess) e().last = code;
  return code;
}

cudaError_t sticky() { return e().faulted ? remember(cudaErrorLaunchFailure) : cudaSuccess; }

cudaError_t drain(cudaStream_t stream) {
  std::vector<std::function<void()>> work;
  work.swap(stream->queue);
  for (auto const& f : work) f();
  return sticky();
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work, bool whatever_happened = false) {
  if (e().faulted && !whatever_happened) return sticky();
  stream->queue.push_back(std::move(work));
  return stream->queue.size() > 4096 ? drain(stream) : cudaSuccess;
}

}  // namespace

machine& the_machine() { return e().found; }
void set_seed(std::uint64_t seed) { e().random.state = seed; }
void clear_fault() {
  e().faulted = false;
  e().last = cudaSuccess;
  for (auto const& [data, what] : e().allocations) {
    std::memset(static_cast<unsigned char*>(data) - guard_bytes, poison, guard_bytes);
    std::memset(static_cast<unsigned char*>(data) + what.bytes, poison, guard_bytes);
  }
}

cudaError_t queue_kernel(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread) {
  std::size_t const threads = std::size_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > most_threads || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffff ||
      grid.y > 65535 || grid.z > 65535)
    return remember(cudaErrorInvalidConfiguration);
  if (shared_bytes > (48u << 10)) return remember(cudaErrorInvalidValue);  // more needs cudaFuncSetAttribute
  if (stream == nullptr || stream->device != e().device) return remember(cudaErrorInvalidResourceHandle);
  return enqueue(stream, [grid, block, shared_bytes, body = std::move(thread)] {
    if (!e().faulted) run_kernel(grid, block, shared_bytes, body);
  });
}

cudaError_t queue_work(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr) return remember(cudaErrorInvalidResourceHandle);
  return enqueue(stream, [body = std::move(work)] {
    if (!e().faulted) body(), check_guards();
  });
}

void fault(std::string const& what) {
  record_fault(what);
  fiber& own = e().fibers[static_cast<std::size_t>(e().current)];
  own.state = thread_state::at_block_barrier;  // given up by run_block
  switch_to_scheduler(own);
}

void block_barrier() {
  fiber& own = e().fibers[static_cast<std::size_t>(e().current)];
  own.state = thread_state::at_block_barrier;
  ++e().waiting;
  uint3 const index = threadIdx;
  release_if_all_arrived();
  switch_to_scheduler(own);
  threadIdx = index;
}

int own_lane() { return e().current % 32; }

warp_values warp_exchange(unsigned mask, std::uint64_t bits) {
  engine& m = e();
  int const index = m.current, lane = index % 32, first = index - lane;
  fiber& own = m.fibers[static_cast<std::size_t>(index)];
  warp& w = m.warps[static_cast<std::size_t>(index / 32)];
  if ((mask >> lane & 1u) == 0) fault("a lane takes part in a warp operation whose mask leaves it out");
  if (first + 32 - __builtin_clz(mask) > m.threads) fault("the mask of a warp operation names threads the block lacks");
  unsigned const parity = w.operation & 1u;
  w.values[parity][lane] = bits;
  w.arrived |= 1u << lane;
  own.warp_mask = mask;
  uint3 const here = threadIdx;
  own.state = thread_state::at_warp_operation;
  if ((w.arrived & mask) == mask) {
    for (int other = 0; other < 32; ++other) {
      if ((mask >> other & 1u) == 0) continue;
      fiber& f = m.fibers[static_cast<std::size_t>(first + other)];
      if (f.warp_mask != mask) fault("the lanes of a warp operation give different masks");
      f.state = thread_state::ready;
      m.ready.push_back(first + other);
    }
    w.arrived &= ~mask;
    ++w.operation;
  }
  switch_to_scheduler(own);
  threadIdx = here;
  return {w.values[parity], mask};
}

}  // namespace cuda_on_host

using cuda_on_host::e;
using cuda_on_host::remember;

char const* cudaGetErrorName(cudaError_t code) {
  switch (code) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInsufficientDriver: return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    default: return "another error";
  }
}
char const* cudaGetErrorString(cudaError_t code) {
  switch (code) {
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorLaunchFailure: return e().fault_text.c_str();
    default: return "see the name";
  }
}
cudaError_t cudaGetLastError() { return std::exchange(e().last, cudaSuccess); }
cudaError_t cudaDriverGetVersion(int* version) {
  *version = e().found.driver;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = e().found.runtime;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (e().found.driver < e().found.runtime / 1000 * 1000) return remember(cudaErrorInsufficientDriver);
  if (e().found.devices == 0) return remember(cudaErrorNoDevice);
  *count = e().found.devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = e().device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= e().found.devices) return remember(cudaErrorInvalidDevice);
  e().device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= e().found.devices) return remember(cudaErrorInvalidDevice);
  *properties = {"emulated device", std::size_t{1} << 30};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device < 0 || device >= e().found.devices) return remember(cudaErrorInvalidDevice);
  *value = attribute == cudaDevAttrComputeCapabilityMajor ? 9 : 1;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new cuda_on_host_stream{e().device, {}};
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cuda_on_host::drain(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream == nullptr) return remember(cudaErrorInvalidResourceHandle);
  return cuda_on_host::drain(stream);
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, cudaMemPoolProps const* properties) {
  *pool = new cuda_on_host_pool{properties->location.id};
  return cudaSuccess;
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  delete pool;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t, cudaStream_t stream) {
  using namespace cuda_on_host;
  if (e().faulted) return sticky();
  if (bytes > e().found.memory - e().found.in_use) drain(stream);  // what is queued to be freed is reused
  if (bytes > e().found.memory - e().found.in_use) return remember(cudaErrorMemoryAllocation);
  std::size_t const all = (bytes + 2 * guard_bytes + 255) / 256 * 256;
  auto* const memory = static_cast<unsigned char*>(std::aligned_alloc(256, all));
  if (memory == nullptr) return remember(cudaErrorMemoryAllocation);
  std::memset(memory, poison, all);
  *data = memory + guard_bytes;
  e().allocations[*data] = {bytes};
  e().found.in_use += bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  using namespace cuda_on_host;
  if (data == nullptr) return cudaSuccess;
  return enqueue(
      stream,
      [data] {
        auto const found = e().allocations.find(data);
        if (found == e().allocations.end()) return record_fault("memory was freed that was not allocated");
        e().found.in_use -= found->second.bytes;
        e().allocations.erase(found);
        std::free(static_cast<unsigned char*>(data) - guard_bytes);
      },
      true);
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = e().found.memory;
  *free = *total - e().found.in_use;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  *data = std::malloc(bytes);
  return *data == nullptr ? remember(cudaErrorMemoryAllocation) : cudaSuccess;
}
cudaError_t cudaFreeHost(void* data) {
  std::free(data);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, void const* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (stream == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (width > to_pitch || width > from_pitch) return remember(cudaErrorInvalidValue);
  return cuda_on_host::queue_work(stream, [=] {
    for (std::size_t row = 0; row < height; ++row)
      std::memcpy(static_cast<unsigned char*>(to) + row * to_pitch,
                  static_cast<unsigned char const*>(from) + row * from_pitch, width);
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  if (stream == nullptr) return remember(cudaErrorInvalidResourceHandle);
  return cuda_on_host::queue_work(stream, [=] { std::memset(to, value, bytes); });
}
