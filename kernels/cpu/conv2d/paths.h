#pragma once

#include "kernels/conv2d_sizes.h"
#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/target.h"
#include "kernels/precision.h"

/// The three ways in which the CPU convolves a panel of rows that share an expert. All do everything in scratch of the
/// thread; the entry points in conv2d.cpp choose between them and cut the rows into panels.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// The images that the rows of an operation read.
template <class T>
struct ConvInput {
  const T* x;
  const int64_t* sample;  ///< nullptr: row n reads image n
  const T* image(int64_t row, const ConvSizes& s) const { return x + (sample ? sample[row] : row) * s.image(); }
};

// The functions of all take the panel's expert's weight, bias (nullptr for none), dweight and dbias (nullptr where not
// wanted), and y, dy and dx_rows [N, C, H, W] of all rows. All assign.

/// Sums over the filter for whole vectors of neighboring pixels, with the weights broadcast. For a stride of 1.
namespace direct {
/// Whether this path can take the sizes.
template <class T>
bool fits(const ConvSizes& s);
template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* weight, const T* bias, T* y);
template <class T>
void backward_input(const ConvSizes& s, const RowPanel& panel, const T* dy, const T* weight, T* dx_rows);
template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias);
}  // namespace direct

/// Copies the inputs of every output pixel to a column of a matrix and multiplies matrices.
namespace im2col {
/// The images whose columns make one matrix product.
int64_t images_per_product(const ConvSizes& s);
template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* weight, const T* bias, T* y,
             Precision precision);
template <class T>
void backward_input(const ConvSizes& s, const RowPanel& panel, const T* dy, const T* weight, T* dx_rows,
                    Precision precision);
template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias, Precision precision);
}  // namespace im2col

/// Filters of 3 x 3 by minimal filtering, F(2 x 2, 3 x 3) (Winograd 1980; Lavin and Gray 2016): patches of 4 x 4 inputs
/// and the filters are transformed so that 16 multiplications give 2 x 2 outputs, where sums over the filter take 36;
/// summed over the channels they are 16 matrix products. The transforms add and subtract, so an infinity may become NaN
/// in the outputs around it.
namespace winograd {
/// Whether this path can take the sizes in that precision, and pays: channels and filters enough to make up for the
/// transforms.
bool fits(const ConvSizes& s, Precision precision);
/// The images whose tiles make one matrix product.
int64_t images_per_block(const ConvSizes& s);
/// The filters of all experts for forward [E, 16, filters * channels], or for the gradient of the input, turned and
/// with filters and channels exchanged.
template <class T>
Tensor transformed(const Tensor& weight, bool backward);
/// `filters`: the transformed ones of the panel's expert. The gradient of the input is the convolution of dy with the
/// sizes reversed().
template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* filters, const T* bias, T* y);
template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias);
}  // namespace winograd

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
