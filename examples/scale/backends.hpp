// SPDX-License-Identifier: Apache-2.0
#pragma once
// The operators of all backends that this program computes on: ref always, others as the build defines
// SCALE_PROGRAM_CPU and SCALE_PROGRAM_CUDA.

#include <scale/ref.hpp>

#if SCALE_PROGRAM_CPU
#include <scale/cpu.hpp>
#define SCALE_PROGRAM_FOR_CPU(DO) DO(float, cpu::context) DO(bf16, cpu::context)
#else
#define SCALE_PROGRAM_FOR_CPU(DO)
#endif

#if SCALE_PROGRAM_CUDA
#include <scale/cuda.hpp>
#define SCALE_PROGRAM_FOR_CUDA(DO) DO(float, cuda::context) DO(bf16, cuda::context)
#else
#define SCALE_PROGRAM_FOR_CUDA(DO)
#endif

/// DO(T, B) for each backend and each element type it computes in.
#define SCALE_PROGRAM_FOR_EACH_BACKEND(DO) DO(double, ref::context) SCALE_PROGRAM_FOR_CPU(DO) SCALE_PROGRAM_FOR_CUDA(DO)
