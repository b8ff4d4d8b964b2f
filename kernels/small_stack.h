#pragma once

#include <optional>
#include <vector>

#include "kernels/segments.h"
#include "kernels/workload.h"
#include "tensor/tensor.h"

namespace divvy {

/// One layer of a small stack: a convolution of stride 1 or a linear layer, with a bias or none, then perhaps max(.,
/// 0), then, after a convolution, perhaps the largest of each 2x2 pixels.
struct SmallLayer {
  int64_t out = 0;      ///< filters, or features of a linear layer
  int64_t kernel = 0;   ///< of a convolution: kernel x kernel; 0 for a linear layer
  int64_t padding = 0;  ///< zeros at each border of the image; below `kernel`
  bool relu = false;
  bool pool = false;  ///< odd rows and columns at the end are left out, as by max_pool2d
  bool operator==(const SmallLayer&) const = default;
};

/// More layers than this are no small stack.
inline constexpr size_t kMostSmallLayers = 24;

namespace kernels {

/// One weight and one bias for each layer, or gradients of them. E experts: weight [E, out, in, kernel, kernel] or [E,
/// out, in], bias [E, out]. An undefined bias is zero; an undefined gradient is not wanted.
struct SmallStackParameters {
  std::vector<Tensor> weights, biases;
};

/// What the forward pass keeps for the backward one, in a layout of its own: on the CPU one sample in each lane of a
/// vector, on CUDA row by row.
struct SmallStackSaved {
  Tensor inputs, largest, results, masks;
  InstructionSet set = InstructionSet::plain;  ///< whose lanes they are, on the CPU
};

/// What a layer gives for a sample of shape [C, H, W] or [features]: [out, H', W'] or [out]. Nothing where it does not
/// fit.
std::optional<Shape> small_layer_shape(const Shape& sample, const SmallLayer& layer);

/// Whether small_stack can evaluate these layers on samples of this shape, [C, H, W] or [features]: convolutions 3x3
/// and 5x5 first, then linear layers, kMostSmallLayers at most, with sizes that fit. It says nothing of whether that is
/// fast.
bool small_stack_fits(const Shape& sample, const std::vector<SmallLayer>& layers);

/// Whether the layers fit and small_stack is faster than they are one by one, which its backend judges.
Pays small_stack_pays(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers);

/// Up to where a backend judges that a small stack pays.
struct SmallStackLimits {
  int64_t channels;                   ///< the most that a convolution reads or gives
  int64_t weights;                    ///< the most of a linear layer in a stack of linear layers
  int64_t weights_after_convolution;  ///< and in a stack that starts with a convolution
  int64_t rows;                       ///< the fewest for each expert of a stack of linear layers
  int64_t rows_of_convolution;        ///< and of a stack that starts with a convolution
  /// Whether layers that fit are within the limits, in f32 alone.
  Pays hold(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers) const;
};

/// The shape of the result: [N, out, H', W'] where the last layer is a convolution, else [N, out]. x: [R, C, H, W] or
/// [R, features]. Throws ShapeError for layers that do not fit.
Shape small_stack_shape(const Shape& x, const std::vector<SmallLayer>& layers, const Segments& segments);

/// How many multiply-adds each layer takes for one sample, [C, H, W] or [features]: one for each weight that a result
/// reads, before pooling. Throws ShapeError for layers that do not fit.
std::vector<int64_t> small_stack_products(const Shape& sample, const std::vector<SmallLayer>& layers);

/// y[n] = the layers of expert e on row r of x, one after the other, where e is the expert whose segment has row n and
/// r = segments.sample ? sample[n] : n. The same values, up to rounding, as conv2d, unary(relu), max_pool2d and
/// grouped_matmul give.
///
/// On the CPU samples are computed in tiles of one vector, each sample in a lane of its own: for networks whose layers
/// are too small to fill a vector by themselves. On CUDA a block of threads takes a tile of samples through all layers
/// in its shared memory: for networks that take less time than it takes to start their layers one by one. Experts that
/// read the same samples in the same order share the tiles of their inputs. All f32 or all f64; y of small_stack_shape.
/// `saved`: filled for backward where it is not null. Experts without rows are allowed, as are zero rows.
void small_stack(const Tensor& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                 const Segments& segments, Tensor& y, SmallStackSaved* saved);

/// The gradients of <dy, small_stack(x)>, with the x of the forward pass. dx: the shape of x, or undefined where it is
/// not wanted; rows of x that several rows read receive the sum over those in their order, rows that none reads receive
/// zero. `gradients`: those by the parameters; zero for an expert without rows. Assigns. The sums over samples do not
/// depend on the number of threads.
void small_stack_backward(const Tensor& x, const std::vector<SmallLayer>& layers,
                          const SmallStackParameters& parameters, const Segments& segments,
                          const SmallStackSaved& saved, const Tensor& dy, Tensor& dx, SmallStackParameters& gradients);

DIVVY_BACKENDS(small_stack_pays);
DIVVY_BACKENDS(small_stack);
DIVVY_BACKENDS(small_stack_backward);

}  // namespace kernels
}  // namespace divvy
