#pragma once

#include "moe/model/dispatch.h"
#include "moe/model/routing.h"

namespace divvy::moe {

/// The output of a mixture: y[b] = sum over the choices j of sample b of weights[b, j] * rows[position[b, j]], in the
/// order of j. rows: [N, C], the experts' outputs for the rows of the dispatch; result: [B, C]. Differentiable in rows
/// and weights.
Variable combine(const Variable& rows, const Routing& routing, const Dispatch& dispatch);

/// The rows of a dense dispatch as [E, B, C], a view.
Variable by_expert(const Variable& rows, const Dispatch& dispatch);

}  // namespace divvy::moe
