// SPDX-License-Identifier: Apache-2.0
// Whether the host emulation of kernels finds what it is there to find: each fault is built into a small kernel.
#include <scale/cuda/detail/kernel.cuh>
#include <scale/cuda/transfer.hpp>

#include <doctest/doctest.h>
#include <emulator.hpp>
#include <support/compare.hpp>
#include <support/thrown.hpp>

namespace {

using scale::index_t;
using scale::cuda::context;
using scale::cuda::detail::launch;
using scale::cuda::detail::shared_memory;

enum class flaw {
  none,
  no_barrier,          // before the shared sums are read
  split_warp,          // lanes of a warp wait at a barrier for others that wait for them at a shuffle
  writes_past_output,  // one element behind the last row
  writes_past_shared,  // one element behind the block's
  reads_past_input,    // one element behind the last row
  wrong_mask,          // a warp operation whose mask names more lanes than reach it
  reads_absent_lane,   // a warp operation that reads a lane outside of its mask
  uninitialised,       // shared memory that nobody wrote
};

constexpr int threads = 64;

/// y[row] = sum of row of x [rows, threads]: two warps, each of which adds its lanes up.
template <flaw F>
SCALE_KERNEL row_sums(float const* x, float* y) {
  float* const shared = shared_memory<float>();  // [2]
  int const thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  index_t const row = blockIdx.x, rows = gridDim.x;
  float value = x[row * threads + thread + (F == flaw::reads_past_input ? 1 : 0)];
  for (int distance = 16; distance > 0; distance /= 2) {
    if (F == flaw::wrong_mask && distance == 1 && lane == 31) continue;
    if (F == flaw::reads_absent_lane && distance == 1) {
      if (lane < 16) value += __shfl_xor_sync(0xffffu, value, 16);
      continue;
    }
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  if (lane == 0 && !(F == flaw::uninitialised && thread == 32)) shared[thread / 32] = value;
  if (F == flaw::writes_past_shared && thread == 0) shared[2] = 1;
  if (F == flaw::split_warp && thread >= 48) {
    __shfl_xor_sync(0xffffffffu, value, 1);
  } else if (F != flaw::no_barrier) {
    __syncthreads();
  }
  if (thread == 0) y[row] = shared[0] + shared[1];
  if (F == flaw::writes_past_output && thread == 0 && row == 0) y[rows] = 0;
}

constexpr index_t rows = 64;

/// The sums, and how many of them are wrong.
template <flaw F>
int wrong_rows(std::uint64_t seed) {
  cuda_on_host::set_seed(seed);
  context const c;
  auto const values = testing::random_indices(rows * threads, 1, -50, 50);
  std::vector<float> const in(values.begin(), values.end());
  auto const x = testing::make_vector(c, in);
  scale::tensor<float, 1, context> y(c, scale::shape{rows});
  launch(c, "row_sums", row_sums<F>, dim3(static_cast<unsigned>(rows)), threads, 2 * sizeof(float), x.data_handle(),
         y.data_handle());
  std::vector<float> const out = testing::values_of(c, y);
  int wrong = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    float sum = 0;
    for (std::size_t j = 0; j < threads; ++j) sum += in[i * threads + j];
    if (out[i] != sum) ++wrong;
  }
  return wrong;
}

/// The text of the fault that a kernel ends with.
template <flaw F>
std::string fault_of() {
  std::string const text = testing::thrown<scale::resource_error>([] { wrong_rows<F>(1); });
  cuda_on_host::clear_fault();
  return text;
}

TEST_CASE("emulation: a correct kernel is right in every order") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) CHECK(wrong_rows<flaw::none>(seed) == 0);
}

TEST_CASE("emulation: a missing barrier gives wrong results in most orders") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) CHECK(wrong_rows<flaw::no_barrier>(seed) > 0);
}

TEST_CASE("emulation: what nobody wrote is NaN") {
  CHECK(wrong_rows<flaw::uninitialised>(1) == rows);
  CHECK(wrong_rows<flaw::reads_past_input>(1) == rows);
}

TEST_CASE("emulation: writing outside of memory is a fault") {
  CHECK(testing::contains(fault_of<flaw::writes_past_output>(), "outside of an allocation of 256 bytes"));
  CHECK(testing::contains(fault_of<flaw::writes_past_shared>(), "beyond its 8 bytes of shared memory"));
}

TEST_CASE("emulation: threads that wait for each other in vain are a fault") {
  CHECK(testing::contains(fault_of<flaw::split_warp>(), "not all of them reach"));
  CHECK(testing::contains(fault_of<flaw::wrong_mask>(), "not all of them reach"));
  CHECK(testing::contains(fault_of<flaw::reads_absent_lane>(), "a lane that takes no part"));
}

TEST_CASE("emulation: after a fault the next kernel is right again") {
  fault_of<flaw::split_warp>();
  CHECK(wrong_rows<flaw::none>(1) == 0);
}

TEST_CASE("emulation: the same seed gives the same order, another seed another") {
  int differ = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    int const first = wrong_rows<flaw::no_barrier>(seed);
    CHECK(wrong_rows<flaw::no_barrier>(seed) == first);
    differ += wrong_rows<flaw::no_barrier>(seed + 100) != first ? 1 : 0;
  }
  CHECK(differ > 0);
}

TEST_CASE("emulation: a launch that no device would take is refused") {
  context const c;
  float* const none = nullptr;
  auto const launched = [&](dim3 grid, dim3 block, std::size_t shared) {
    return testing::thrown<scale::resource_error>(
        [&] { launch(c, "row_sums", row_sums<flaw::none>, grid, block, shared, none, none); });
  };
  CHECK(testing::contains(launched(1, 1025, 0), "[row_sums] launching a kernel"));
  CHECK(testing::contains(launched(dim3(1, 70000), 32, 0), "cudaErrorInvalidConfiguration"));
  CHECK(testing::contains(launched(1, 32, 50000), "cudaErrorInvalidValue"));
  launch(c, "row_sums", row_sums<flaw::none>, dim3(0), 64, 8, none, none);  // no work is no launch
  c.synchronize();
}

}  // namespace
