#include "kernels/matmul.h"

#include <cublas_v2.h>

#include <memory>
#include <mutex>
#include <vector>

#include "tensor/cuda/check.h"
#include "tensor/cuda/device_memory.h"
#include "tensor/cuda/stream.h"

namespace divvy::kernels::cuda {

namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail<DeviceError>("matmul: cuBLAS could not {}: {}", what, cublasGetStatusString(status));
}

/// cuBLAS on one device, in its compute stream, with memory of its own: so it allocates nothing, which a stream that is
/// captured for a graph could not take, and the same product always has the same bits.
class Cublas {
 public:
  explicit Cublas(int device)
      : device_(device), workspace_(Tensor::empty({kWorkspace}, DType::u8, {Device::cuda(device)})) {
    const divvy::cuda::DeviceGuard guard(device);
    check(cublasCreate(&handle_), "start");
    check(cublasSetStream(handle_, divvy::cuda::compute_stream(device)), "take the stream");
    // A new stream takes the workspace away, so this comes second.
    check(cublasSetWorkspace(handle_, workspace_.mutable_bytes(), kWorkspace), "take its memory");
    check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "turn TF32 off");
  }
  ~Cublas() { cublasDestroy(handle_); }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  template <class F>
  void use(const F& f) {
    const std::lock_guard lock(mutex_);
    const divvy::cuda::DeviceGuard guard(device_);
    f(handle_);
  }

 private:
  static constexpr int64_t kWorkspace = int64_t{32} << 20;  // what NVIDIA advises for its largest devices

  int device_;
  Tensor workspace_;
  cublasHandle_t handle_ = nullptr;
  std::mutex mutex_;
};

Cublas& cublas(int device) {
  // Never destroyed: the driver may be gone before what has static lifetime.
  static std::mutex mutex;
  static auto& all = *new std::vector<std::unique_ptr<Cublas>>(static_cast<size_t>(cuda_device_count()));
  const std::lock_guard lock(mutex);
  auto& one = all[static_cast<size_t>(device)];
  if (!one) one = std::make_unique<Cublas>(device);
  return *one;
}

/// A matrix as it is stored, by rows, in each product.
template <class T>
struct Operand {
  const T* values;
  int64_t rows, cols;
  bool transposed;
  cublasOperation_t operation() const { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }
};

/// y^T = op(b)^T op(a)^T: what is stored by rows is, read by columns as cuBLAS does, its own transpose.
template <class T>
void multiply(cublasHandle_t handle, const Operand<T>& a, const Operand<T>& b, int64_t products, int64_t rows,
              int64_t cols, int64_t depth, T* y) {
  const T one = 1, zero = 0;
  const auto call = [&](auto gemm) {
    check(gemm(handle, b.operation(), a.operation(), cols, rows, depth, &one, b.values, b.cols, b.rows * b.cols,
               a.values, a.cols, a.rows * a.cols, &zero, y, cols, rows * cols, products),
          "multiply");
  };
  if constexpr (std::is_same_v<T, float>) {
    call(cublasSgemmStridedBatched_64);
  } else {
    call(cublasDgemmStridedBatched_64);
  }
}

}  // namespace

void matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options, Tensor& y) {
  if (y.numel() == 0) return;
  const int64_t rows = y.size(-2), cols = y.size(-1), depth = a.size(options.transpose_a ? -2 : -1);
  const int device = a.device().index;
  if (depth == 0) return divvy::cuda::zero_bytes(y.mutable_bytes(), device, static_cast<size_t>(y.nbytes()));
  visit_floating("matmul", a.dtype(), [&]<class T>() {
    const Operand<T> left{a.data<T>(), a.size(-2), a.size(-1), options.transpose_a};
    const Operand<T> right{b.data<T>(), b.size(-2), b.size(-1), options.transpose_b};
    T* to = y.mutable_data<T>();
    cublas(device).use([&](cublasHandle_t handle) {
      multiply(handle, left, right, y.rank() == 3 ? y.size(0) : 1, rows, cols, depth, to);
    });
  });
}

}  // namespace divvy::kernels::cuda
