// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine behind cuda_runtime_api.h and cuda_runtime.h on the host. One host thread.

#include "cuda_runtime_api.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace cuda_on_host {

/// What the runtime pretends to find. Tests change it and put it back.
struct machine {
  int devices = 2;
  int driver = 13000, runtime = 13000;        // 0: no driver
  std::size_t memory = std::size_t{4} << 30;  // bytes per process
  std::size_t in_use = 0;                     // device memory that is allocated now
  std::size_t launches = 0;                   // kernels run so far
};
machine& the_machine();

/// Chooses the order of blocks and threads from here on. At the start: SCALE_TEST_SEED of the environment, else 1.
void set_seed(std::uint64_t seed);

/// Forgets a fault, which on a device would last as long as the process.
void clear_fault();

// For cuda_runtime.h.

cudaError_t queue_kernel(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread);

/// For what runs as a whole, such as a matrix product.
cudaError_t queue_work(cudaStream_t stream, std::function<void()> work);

/// Ends the running thread and reports `what` where the stream is waited for.
void fault(std::string const& what);

void block_barrier();

/// What the lanes of a warp gave to one operation.
struct warp_values {
  std::uint64_t const* values;
  unsigned mask;
  std::uint64_t of(int lane) const {
    if ((mask >> lane & 1u) == 0) fault("a warp operation reads a lane that takes no part");
    return values[lane];
  }
};
warp_values warp_exchange(unsigned mask, std::uint64_t bits);
int own_lane();

}  // namespace cuda_on_host

namespace scale::cuda::detail {
extern unsigned char scale_shared_bytes[];
}
