#pragma once

#include "autograd/variable.h"
#include "kernels/batch_norm.h"

namespace divvy {

/// Batch normalization of each channel, for each expert on its own: y = gamma (x - mean) / sqrt(var + eps) + beta.
///
/// x: [N, C] or [N, C, H, W]. gamma, beta and the running statistics: [E, C] for E experts, whose rows `segments`
/// divide; or [C] for a plain layer, which takes all rows. In training mean and biased variance are those of the rows,
/// and the running ones move: running = (1 - momentum) running + momentum new, with the unbiased variance. In
/// evaluation the running ones are used. An expert with no rows keeps its statistics.
///
/// A single value has no variance. A plain layer that gets one value a channel in training throws ValueError; a stacked
/// expert, which may well be chosen for one row of [N, C] only, uses its running statistics then and does not move
/// them.
///
/// segments.sample is read by the first layer of a stack only: here it is a ValueError. Throws ShapeError, DTypeError
/// or ValueError for arguments that do not fit, momentum outside [0, 1] and eps that is not positive.
Variable batch_norm(const Variable& x, const Variable& gamma, const Variable& beta, BatchNormStatistics& running,
                    bool training, double momentum = 0.1, double eps = 1e-5, const Segments& segments = {});

}  // namespace divvy
