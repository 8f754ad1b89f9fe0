// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix products by cuBLASLt: the only header that calls it.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>
#include <scale/cuda/detail/runtime.hpp>

#include <cublasLt.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace scale::cuda::detail {

/// What NVIDIA recommends for its newest devices; older ones need less.
inline constexpr std::size_t matmul_workspace_bytes = std::size_t{32} << 20;

/// A row-major matrix [rows, columns] in device memory, rows `stride` elements apart.
struct product_matrix {
  void const* data;
  index_t rows, columns, stride;
  bool transposed;

  template <class View>
  static product_matrix of(View const& x, bool transposed = false) {
    // a single row may have any stride, which cuBLASLt would refuse
    return {x.data_handle(), x.extent(0), x.extent(1), x.extent(0) == 1 ? x.extent(1) : x.stride(0), transposed};
  }
};

/// c = op(a) op(b) + beta c + bias, one value per column or none. Sums in float. No extent is 0.
struct product {
  product_matrix a, b;
  product_matrix c;  // written
  cudaDataType_t type, c_type;
  bool tf32 = false;
  float beta = 0;
  void const* bias = nullptr;  // of c's type
};

inline void check(cublasStatus_t status, std::string_view op, std::string_view what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw resource_error("[" + std::string(op) + "] cuBLASLt, " + std::string(what) + ": " +
                       cublasLtGetStatusString(status));
}

template <auto Destroy>
struct cublaslt_deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    Destroy(p);
  }
};
using cublaslt_handle = std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, cublaslt_deleter<cublasLtDestroy>>;
using matmul_description =
    std::unique_ptr<std::remove_pointer_t<cublasLtMatmulDesc_t>, cublaslt_deleter<cublasLtMatmulDescDestroy>>;
using matrix_layout =
    std::unique_ptr<std::remove_pointer_t<cublasLtMatrixLayout_t>, cublaslt_deleter<cublasLtMatrixLayoutDestroy>>;
using matmul_preference = std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>,
                                          cublaslt_deleter<cublasLtMatmulPreferenceDestroy>>;

/// The algorithms chosen so far: the same product gets the same one, so that equal inputs give equal bits.
class matmul_plans {
 public:
  void run(product const& p, void* workspace, cudaStream_t stream, std::string_view op) {
    if (handle_ == nullptr) {
      cublasLtHandle_t handle = nullptr;
      check(cublasLtCreate(&handle), op, "starting");
      handle_.reset(handle);
    }
    plan const& chosen = plan_for(p, op);
    if (p.bias != nullptr) set(chosen.description.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias, op);
    float const alpha = 1;
    // cuBLASLt's matrices are column-major: it computes c^T = op(b)^T op(a)^T
    check(cublasLtMatmul(handle_.get(), chosen.description.get(), &alpha, p.b.data, chosen.b.get(), p.a.data,
                         chosen.a.get(), &p.beta, p.c.data, chosen.c.get(), const_cast<void*>(p.c.data), chosen.c.get(),
                         &chosen.algorithm, workspace, matmul_workspace_bytes, stream),
          op, "multiplying " + text_of(p));
  }

 private:
  struct plan {
    matmul_description description;
    matrix_layout a, b, c;
    cublasLtMatmulAlgo_t algorithm;
  };

  /// All that the choice of an algorithm depends on.
  using key = std::tuple<index_t, index_t, index_t, index_t, index_t, index_t, bool, bool, cudaDataType_t,
                         cudaDataType_t, bool, bool, std::uint32_t, std::uint32_t, std::uint32_t>;

  static std::uint32_t alignment_of(void const* data) {
    auto const address = reinterpret_cast<std::uintptr_t>(data);
    if (address == 0) return 256;  // no bias
    return static_cast<std::uint32_t>((std::min<std::uintptr_t>)(256, address & (~address + 1)));
  }

  static std::string text_of(product const& p) {
    auto const matrix = [](product_matrix const& x) {
      return to_string(shape{x.rows, x.columns}) + (x.transposed ? "^T" : "");
    };
    return matrix(p.a) + " by " + matrix(p.b);
  }

  template <class Value>
  static void set(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a, Value const& value, std::string_view op) {
    check(cublasLtMatmulDescSetAttribute(d, a, &value, sizeof(value)), op, "describing a product");
  }

  template <class Value>
  static void set(cublasLtMatmulPreference_t d, cublasLtMatmulPreferenceAttributes_t a, Value const& value,
                  std::string_view op) {
    check(cublasLtMatmulPreferenceSetAttribute(d, a, &value, sizeof(value)), op, "preferences");
  }

  static matrix_layout layout_of(product_matrix const& x, cudaDataType_t type, std::string_view op) {
    cublasLtMatrixLayout_t layout = nullptr;
    check(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(x.columns),
                                     static_cast<std::uint64_t>(x.rows), x.stride),
          op, "describing a matrix");
    return matrix_layout(layout);
  }

  plan const& plan_for(product const& p, std::string_view op) {
    std::uint32_t const a_alignment = alignment_of(p.a.data), b_alignment = alignment_of(p.b.data);
    std::uint32_t const c_alignment = (std::min)(alignment_of(p.c.data), alignment_of(p.bias));
    bool const with_bias = p.bias != nullptr;
    key const wanted(p.c.rows, p.c.columns, p.a.transposed ? p.a.rows : p.a.columns, p.a.stride, p.b.stride, p.c.stride,
                     p.a.transposed, p.b.transposed, p.type, p.c_type, p.tf32, with_bias, a_alignment, b_alignment,
                     c_alignment);
    if (auto const found = plans_.find(wanted); found != plans_.end()) return found->second;

    plan made;
    cublasLtMatmulDesc_t description = nullptr;
    check(
        cublasLtMatmulDescCreate(&description, p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
        op, "describing a product");
    made.description.reset(description);
    set(description, CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, op);
    set(description, CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, op);
    if (with_bias) set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS, op);
    made.a = layout_of(p.a, p.type, op);
    made.b = layout_of(p.b, p.type, op);
    made.c = layout_of(p.c, p.c_type, op);

    cublasLtMatmulPreference_t wishes = nullptr;
    check(cublasLtMatmulPreferenceCreate(&wishes), op, "preferences");
    matmul_preference const preference(wishes);
    set(wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, matmul_workspace_bytes, op);
    // partial sums stay in float: one rounding to a 16-bit c
    std::uint32_t const reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    set(wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions, op);
    set(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b_alignment, op);
    set(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a_alignment, op);
    set(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c_alignment, op);
    set(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c_alignment, op);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    check(cublasLtMatmulAlgoGetHeuristic(handle_.get(), description, made.b.get(), made.a.get(), made.c.get(),
                                         made.c.get(), wishes, 1, &result, &count),
          op, "choosing an algorithm for " + text_of(p));
    if (count == 0) throw resource_error("[" + std::string(op) + "] cuBLASLt has no algorithm for " + text_of(p));
    made.algorithm = result.algo;
    return plans_.emplace(wanted, std::move(made)).first->second;
  }

  cublaslt_handle handle_;
  std::map<key, plan> plans_;
};

}  // namespace scale::cuda::detail
