// SPDX-License-Identifier: Apache-2.0
// expect: use of deleted function || implicitly deleted
// Tensors move; a copy is an operator, never an accident.
#include <scale/core/tensor.hpp>
#include <scale/ref/context.hpp>

#include <utility>

using matrix = scale::tensor<float, 2, scale::ref::context>;

matrix take(matrix& from);
matrix take(matrix& from) {
#if SCALE_TEST_MISTAKE
  return matrix(from);
#else
  return matrix(std::move(from));
#endif
}
