#pragma once

#include "cuda_runtime_api.h"
#include "fibers.h"

/// A stand-in for the calls of cuBLAS that divvy makes, as plain loops. As in BLAS, matrices are stored by columns.

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS, CUBLAS_STATUS_INVALID_VALUE };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasMath_t { CUBLAS_DEFAULT_MATH, CUBLAS_TF32_TENSOR_OP_MATH };
struct cublasContext {};
using cublasHandle_t = cublasContext*;

inline const char* cublasGetStatusString(cublasStatus_t) { return "emulated"; }
inline cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasSetWorkspace(cublasHandle_t, void* block, size_t bytes) {
  return block != nullptr || bytes == 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
inline cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { return CUBLAS_STATUS_SUCCESS; }

namespace cuda_emulation {

/// C = alpha op(A) op(B) + beta C for each of `count` products.
template <class T>
cublasStatus_t gemm(cublasOperation_t ta, cublasOperation_t tb, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
                    int64_t lda, int64_t stride_a, const T* b, int64_t ldb, int64_t stride_b, T beta, T* c, int64_t ldc,
                    int64_t stride_c, int64_t count) {
  const bool fits = lda >= (ta == CUBLAS_OP_N ? m : k) && ldb >= (tb == CUBLAS_OP_N ? k : n) && ldc >= m && lda >= 1 &&
                    ldb >= 1 && ldc >= 1 && m > 0 && n > 0 && k > 0;
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  enqueue([=] {
    for (int64_t i = 0; i < count; ++i) {
      const T *left = a + i * stride_a, *right = b + i * stride_b;
      for (int64_t col = 0; col < n; ++col) {
        for (int64_t row = 0; row < m; ++row) {
          T sum = 0;
          for (int64_t p = 0; p < k; ++p) {
            sum += left[ta == CUBLAS_OP_N ? p * lda + row : row * lda + p] *
                   right[tb == CUBLAS_OP_N ? col * ldb + p : p * ldb + col];
          }
          T& to = c[i * stride_c + col * ldc + row];
          to = beta == 0 ? alpha * sum : alpha * sum + beta * to;
        }
      }
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace cuda_emulation

inline cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb,
                                                   int64_t m, int64_t n, int64_t k, const float* alpha, const float* a,
                                                   int64_t lda, long long stride_a, const float* b, int64_t ldb,
                                                   long long stride_b, const float* beta, float* c, int64_t ldc,
                                                   long long stride_c, int64_t count) {
  return cuda_emulation::gemm(ta, tb, m, n, k, *alpha, a, lda, stride_a, b, ldb, stride_b, *beta, c, ldc, stride_c,
                              count);
}
inline cublasStatus_t cublasDgemmStridedBatched_64(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb,
                                                   int64_t m, int64_t n, int64_t k, const double* alpha,
                                                   const double* a, int64_t lda, long long stride_a, const double* b,
                                                   int64_t ldb, long long stride_b, const double* beta, double* c,
                                                   int64_t ldc, long long stride_c, int64_t count) {
  return cuda_emulation::gemm(ta, tb, m, n, k, *alpha, a, lda, stride_a, b, ldb, stride_b, *beta, c, ldc, stride_c,
                              count);
}
