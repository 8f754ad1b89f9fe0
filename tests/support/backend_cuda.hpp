// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backend under test: cuda, on the first device, or with its kernels on the host where support/cuda_on_host is
// linked. See backend_ref.hpp for how a test uses this.

#include <scale/cuda.hpp>
#include <scale/ref.hpp>

#include <tuple>

#define SCALE_TEST_TYPES float, scale::bf16
#define SCALE_TEST_WIDE_TYPES float
#define SCALE_TEST_STORED_TYPES float, double, scale::bf16

namespace testing {

using test_backend = scale::cuda::context;
using test_types = std::tuple<SCALE_TEST_TYPES>;
inline constexpr char const* backend_name = "cuda";
inline test_backend make_backend() { return test_backend{}; }

}  // namespace testing
