#include "kernels/cuda/conv2d/cudnn.h"

#ifdef DIVVY_HAS_CUDNN

#include <cudnn.h>

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tensor/cuda/check.h"
#include "tensor/cuda/stream.h"

namespace divvy::kernels::cuda::cudnn {

namespace {

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  fail<DeviceError>("conv2d: cuDNN could not {}: {}", what, cudnnGetErrorString(status));
}

/// A descriptor that is made and destroyed by these two functions.
template <class Descriptor, auto kCreate, auto kDestroy>
class Owned {
 public:
  Owned() { check(kCreate(&value_), "make a descriptor"); }
  ~Owned() { kDestroy(value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Descriptor get() const { return value_; }

 private:
  Descriptor value_ = nullptr;
};
using TensorDescriptor = Owned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Owned<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using ConvolutionDescriptor =
    Owned<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

/// An algorithm and the memory it takes; found: whether there is one.
struct Choice {
  bool found = false;
  int algorithm = 0;
  size_t workspace = 0;
};

enum class Direction : int64_t { forward, input, weight };
using Key = std::array<int64_t, 11>;

/// cuDNN on one device, in its compute stream, and the algorithms that were chosen so far.
class Cudnn {
 public:
  explicit Cudnn(int device) : device_(device) {
    const divvy::cuda::DeviceGuard guard(device);
    check(cudnnCreate(&handle_), "start");
    check(cudnnSetStream(handle_, divvy::cuda::compute_stream(device)), "take the stream");
  }
  ~Cudnn() { cudnnDestroy(handle_); }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  template <class F>
  bool use(const F& f) {
    const std::lock_guard lock(mutex_);
    const divvy::cuda::DeviceGuard guard(device_);
    return f(handle_, choices_);
  }

 private:
  int device_;
  cudnnHandle_t handle_ = nullptr;
  std::map<Key, Choice> choices_;
  std::mutex mutex_;
};

Cudnn& cudnn(int device) {
  // Never destroyed: the driver may be gone before what has static lifetime.
  static std::mutex mutex;
  static auto& all = *new std::vector<std::unique_ptr<Cudnn>>(static_cast<size_t>(cuda_device_count()));
  const std::lock_guard lock(mutex);
  auto& one = all[static_cast<size_t>(device)];
  if (!one) one = std::make_unique<Cudnn>(device);
  return *one;
}

/// The first of cuDNN's suggestions that is exact f32, deterministic and content with a gigabyte.
template <class Performance>
Choice first_fit(const std::vector<Performance>& suggestions) {
  for (const Performance& p : suggestions) {
    const bool exact = p.mathType == CUDNN_FMA_MATH || p.mathType == CUDNN_DEFAULT_MATH;
    if (p.status != CUDNN_STATUS_SUCCESS || p.determinism != CUDNN_DETERMINISTIC || !exact) continue;
    if (p.memory <= (size_t{1} << 30)) return {true, static_cast<int>(p.algo), p.memory};
  }
  return {};
}

/// Everything about one convolution but its memory.
struct Problem {
  TensorDescriptor x, y;
  FilterDescriptor weight;
  ConvolutionDescriptor convolution;
  Key key;

  Problem(Direction direction, const Shape& in, const Shape& filters, const Shape& out, const Conv2dGeometry& g)
      : key{static_cast<int64_t>(direction),
            in[0],
            in[1],
            in[2],
            in[3],
            out[1],
            filters[-2],
            filters[-1],
            g.stride,
            g.padding,
            g.groups} {
    const auto n = [](int64_t size) { return static_cast<int>(size); };
    const auto image = [&](const TensorDescriptor& t, const Shape& s) {
      check(
          cudnnSetTensor4dDescriptor(t.get(), CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, n(s[0]), n(s[1]), n(s[2]), n(s[3])),
          "describe an image");
    };
    image(x, in);
    image(y, out);
    check(cudnnSetFilter4dDescriptor(weight.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, n(filters[-4]), n(filters[-3]),
                                     n(filters[-2]), n(filters[-1])),
          "describe the filters");
    check(cudnnSetConvolution2dDescriptor(convolution.get(), n(g.padding), n(g.padding), n(g.stride), n(g.stride), 1, 1,
                                          CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "describe the convolution");
    check(cudnnSetConvolutionGroupCount(convolution.get(), n(g.groups)), "divide the channels");
    check(cudnnSetConvolutionMathType(convolution.get(), CUDNN_FMA_MATH), "turn TF32 off");
  }
};

bool takes(const Tensor& x, const Shape& weight, const Tensor& y, const Conv2dGeometry& g, const Segments& segments) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const bool one = weight.rank() == 4 || weight[0] == 1;
  const bool empty = x.numel() == 0 || y.numel() == 0 || weight.numel() == 0;
  const bool large =
      x.numel() > most || y.numel() > most || weight.numel() > most || g.stride > most || g.padding > most;
  return one && !segments.sample.defined() && x.dtype() == DType::f32 && !empty && !large;
}

/// Calls call(handle, algorithm, workspace, bytes) with the algorithm that `suggest` was chosen from, which is asked
/// once for each problem; false where there is none.
template <class Performance, class Suggest, class Call>
bool with_choice(const Problem& problem, Device device, const Suggest& suggest, const Call& call) {
  return cudnn(device.index).use([&](cudnnHandle_t handle, std::map<Key, Choice>& choices) {
    auto [at, is_new] = choices.try_emplace(problem.key);
    if (is_new) {
      std::vector<Performance> suggestions(16);
      int count = 0;
      if (suggest(handle, static_cast<int>(suggestions.size()), &count, suggestions.data()) == CUDNN_STATUS_SUCCESS) {
        suggestions.resize(static_cast<size_t>(count));
        at->second = first_fit(suggestions);
      }
    }
    const Choice& choice = at->second;
    if (!choice.found) return false;
    Tensor workspace = Tensor::empty({static_cast<int64_t>(choice.workspace)}, DType::u8, device);
    check(call(handle, choice.algorithm, workspace.mutable_bytes(), choice.workspace), "convolve");
    return true;
  });
}

constexpr float kOne = 1, kZero = 0;

}  // namespace

bool conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y) {
  if (!takes(x, weight.shape(), y, geometry, segments)) return false;
  const Problem p(Direction::forward, x.shape(), weight.shape(), y.shape(), geometry);
  const float *in = x.data<float>(), *filters = weight.data<float>();
  float* out = y.mutable_data<float>();
  return with_choice<cudnnConvolutionFwdAlgoPerf_t>(
      p, x.device(),
      [&](cudnnHandle_t handle, int most, int* count, cudnnConvolutionFwdAlgoPerf_t* found) {
        return cudnnGetConvolutionForwardAlgorithm_v7(handle, p.x.get(), p.weight.get(), p.convolution.get(), p.y.get(),
                                                      most, count, found);
      },
      [&](cudnnHandle_t handle, int algorithm, void* workspace, size_t bytes) {
        check(cudnnConvolutionForward(handle, &kOne, p.x.get(), in, p.weight.get(), filters, p.convolution.get(),
                                      static_cast<cudnnConvolutionFwdAlgo_t>(algorithm), workspace, bytes, &kZero,
                                      p.y.get(), out),
              "convolve");
        if (!bias.defined()) return CUDNN_STATUS_SUCCESS;
        const TensorDescriptor offsets;
        check(cudnnSetTensor4dDescriptor(offsets.get(), CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1,
                                         static_cast<int>(y.size(1)), 1, 1),
              "describe the bias");
        return cudnnAddTensor(handle, &kOne, offsets.get(), bias.data<float>(), &kOne, p.y.get(), out);
      });
}

bool conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx) {
  if (!takes(dx, weight.shape(), dy, geometry, segments)) return false;
  const Problem p(Direction::input, dx.shape(), weight.shape(), dy.shape(), geometry);
  const float *upstream = dy.data<float>(), *filters = weight.data<float>();
  float* out = dx.mutable_data<float>();
  return with_choice<cudnnConvolutionBwdDataAlgoPerf_t>(
      p, dx.device(),
      [&](cudnnHandle_t handle, int most, int* count, cudnnConvolutionBwdDataAlgoPerf_t* found) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, p.weight.get(), p.y.get(), p.convolution.get(),
                                                           p.x.get(), most, count, found);
      },
      [&](cudnnHandle_t handle, int algorithm, void* workspace, size_t bytes) {
        return cudnnConvolutionBackwardData(handle, &kOne, p.weight.get(), filters, p.y.get(), upstream,
                                            p.convolution.get(), static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm),
                                            workspace, bytes, &kZero, p.x.get(), out);
      });
}

bool conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Conv2dGeometry& geometry, const Segments& segments,
                            Tensor& dweight) {
  if (!takes(x, dweight.shape(), dy, geometry, segments)) return false;
  const Problem p(Direction::weight, x.shape(), dweight.shape(), dy.shape(), geometry);
  const float *in = x.data<float>(), *upstream = dy.data<float>();
  float* out = dweight.mutable_data<float>();
  return with_choice<cudnnConvolutionBwdFilterAlgoPerf_t>(
      p, x.device(),
      [&](cudnnHandle_t handle, int most, int* count, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, p.x.get(), p.y.get(), p.convolution.get(),
                                                             p.weight.get(), most, count, found);
      },
      [&](cudnnHandle_t handle, int algorithm, void* workspace, size_t bytes) {
        return cudnnConvolutionBackwardFilter(handle, &kOne, p.x.get(), in, p.y.get(), upstream, p.convolution.get(),
                                              static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm), workspace, bytes,
                                              &kZero, p.weight.get(), out);
      });
}

}  // namespace divvy::kernels::cuda::cudnn

#else

namespace divvy::kernels::cuda::cudnn {

bool conv2d(const Tensor&, const Tensor&, const Tensor&, const Conv2dGeometry&, const Segments&, Tensor&) {
  return false;
}
bool conv2d_backward_input(const Tensor&, const Tensor&, const Conv2dGeometry&, const Segments&, Tensor&) {
  return false;
}
bool conv2d_backward_weight(const Tensor&, const Tensor&, const Conv2dGeometry&, const Segments&, Tensor&) {
  return false;
}

}  // namespace divvy::kernels::cuda::cudnn

#endif
