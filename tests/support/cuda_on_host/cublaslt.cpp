// SPDX-License-Identifier: Apache-2.0
#include "cublasLt.h"

#include <scale/core/dtype.hpp>

#include "emulator.hpp"

#include <cstring>
#include <vector>

struct cublas_on_host_handle {};
struct cublas_on_host_description {
  cublasComputeType_t compute;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void const* bias = nullptr;
};
struct cublas_on_host_layout {
  cudaDataType_t type;
  std::int64_t rows, columns, step;
};
struct cublas_on_host_preference {
  std::uint32_t alignment[4] = {256, 256, 256, 256};
};

namespace {

float read(void const* data, cudaDataType_t type, std::int64_t i) {
  return type == CUDA_R_32F ? static_cast<float const*>(data)[i]
                            : static_cast<float>(static_cast<scale::bf16 const*>(data)[i]);
}

void write(void* data, cudaDataType_t type, std::int64_t i, float value) {
  if (type == CUDA_R_32F)
    static_cast<float*>(data)[i] = value;
  else
    static_cast<scale::bf16*>(data)[i] = scale::bf16(value);
}

/// op(x) as floats, row-major.
std::vector<float> dense(void const* data, cublas_on_host_layout const& x, bool flipped) {
  std::int64_t const rows = flipped ? x.columns : x.rows, columns = flipped ? x.rows : x.columns;
  std::vector<float> result(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      result[static_cast<std::size_t>(i * columns + j)] = read(data, x.type, flipped ? j + i * x.step : i + j * x.step);
  return result;
}

bool aligned(void const* data, std::uint32_t to) { return reinterpret_cast<std::uintptr_t>(data) % to == 0; }

template <class T>
bool take(T& to, void const* value, std::size_t bytes) {
  if (bytes != sizeof(T)) return false;
  std::memcpy(&to, value, bytes);
  return true;
}

}  // namespace

char const* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS         ? "CUBLAS_STATUS_SUCCESS"
         : status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE"
                                                 : "CUBLAS_STATUS_NOT_SUPPORTED";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new cublas_on_host_handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* d, cublasComputeType_t compute, cudaDataType_t scale) {
  if (scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  *d = new cublas_on_host_description{compute};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) {
  delete d;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute,
                                              void const* value, std::size_t bytes) {
  bool taken = false;
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA: taken = take(d->a, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_TRANSB: taken = take(d->b, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE: taken = take(d->epilogue, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: taken = take(d->bias, value, bytes); break;
  }
  return taken ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t step) {
  *layout = new cublas_on_host_layout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), step};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* p) {
  *p = new cublas_on_host_preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) {
  delete p;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, void const* value,
                                                    std::size_t bytes) {
  bool taken = true;
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: taken = bytes == sizeof(std::size_t); break;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: taken = bytes == sizeof(std::uint32_t); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: taken = take(p->alignment[0], value, bytes); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: taken = take(p->alignment[1], value, bytes); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: taken = take(p->alignment[2], value, bytes); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: taken = take(p->alignment[3], value, bytes); break;
  }
  return taken ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                              cublasLtMatrixLayout_t result, cublasLtMatmulPreference_t p, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* count) {
  bool const a_flipped = d->a == CUBLAS_OP_T, b_flipped = d->b == CUBLAS_OP_T;
  std::int64_t const m = a_flipped ? a->columns : a->rows, k = a_flipped ? a->rows : a->columns;
  std::int64_t const n = b_flipped ? b->rows : b->columns;
  bool const shapes = (b_flipped ? b->columns : b->rows) == k && c->rows == m && c->columns == n && result->rows == m &&
                      result->columns == n && m > 0 && n > 0 && k > 0;
  bool const steps = a->step >= a->rows && b->step >= b->rows && c->step >= c->rows && result->step >= result->rows;
  if (!shapes || !steps) return CUBLAS_STATUS_INVALID_VALUE;
  bool const types = a->type == b->type && c->type == result->type && (c->type == CUDA_R_32F || c->type == a->type) &&
                     (d->compute == CUBLAS_COMPUTE_32F || a->type == CUDA_R_32F);
  if (!types || wanted < 1) return CUBLAS_STATUS_NOT_SUPPORTED;
  std::memcpy(results->algo.alignment, p->alignment, sizeof(p->alignment));
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, void const* alpha, void const* a,
                              cublasLtMatrixLayout_t a_layout, void const* b, cublasLtMatrixLayout_t b_layout,
                              void const* beta, void const* c, cublasLtMatrixLayout_t c_layout, void* result,
                              cublasLtMatrixLayout_t result_layout, cublasLtMatmulAlgo_t const* algorithm,
                              void* workspace, std::size_t, cudaStream_t stream) {
  if (workspace == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (!aligned(a, algorithm->alignment[0]) || !aligned(b, algorithm->alignment[1]) ||
      !aligned(c, algorithm->alignment[2]) || !aligned(result, algorithm->alignment[3]) ||
      (d->epilogue == CUBLASLT_EPILOGUE_BIAS && (d->bias == nullptr || !aligned(d->bias, algorithm->alignment[3]))))
    return CUBLAS_STATUS_INVALID_VALUE;
  float const scale = *static_cast<float const*>(alpha), keep = *static_cast<float const*>(beta);
  auto const work = [=, description = *d, x = *a_layout, y = *b_layout, z = *c_layout, out = *result_layout] {
    std::vector<float> const left = dense(a, x, description.a == CUBLAS_OP_T);
    std::vector<float> const right = dense(b, y, description.b == CUBLAS_OP_T);
    std::int64_t const k = static_cast<std::int64_t>(left.size()) / out.rows;
    std::vector<float> sums(static_cast<std::size_t>(out.columns));
    for (std::int64_t i = 0; i < out.rows; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (std::int64_t l = 0; l < k; ++l) {
        float const factor = left[static_cast<std::size_t>(i * k + l)];
        float const* const row = right.data() + l * out.columns;
        for (std::int64_t j = 0; j < out.columns; ++j) sums[static_cast<std::size_t>(j)] += factor * row[j];
      }
      for (std::int64_t j = 0; j < out.columns; ++j) {
        float value = scale * sums[static_cast<std::size_t>(j)];
        if (keep != 0) value += keep * read(c, z.type, i + j * z.step);
        if (description.epilogue == CUBLASLT_EPILOGUE_BIAS) value += read(description.bias, out.type, i);
        write(result, out.type, i + j * out.step, value);
      }
    }
  };
  return cuda_on_host::queue_work(stream, work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
