#include "moe/model/combine.h"

#include "autograd/ops/combine.h"
#include "autograd/ops/shape.h"
#include "tensor/error.h"

namespace divvy::moe {

Variable combine(const Variable& rows, const Routing& routing, const Dispatch& dispatch) {
  return divvy::combine(rows, routing.weights, dispatch.position);
}

Variable by_expert(const Variable& rows, const Dispatch& dispatch) {
  if (dispatch.rows() != dispatch.samples * dispatch.experts()) {
    fail<ShapeError>("by_expert: {} rows are not {} samples at each of {} experts", dispatch.rows(), dispatch.samples,
                     dispatch.experts());
  }
  return reshape(rows, Shape{dispatch.experts(), dispatch.samples}.concat(rows.shape().range(1)));
}

}  // namespace divvy::moe
