#include "kernels/route.h"

#include <limits>

#include "kernels/dispatch.h"
#include "kernels/gather_last.h"
#include "kernels/softmax.h"
#include "kernels/top_k.h"
#include "kernels/where.h"

namespace divvy::kernels::cpu {

// The plain operations: batches of scores are small beside the experts' work.
void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights, Tensor& /*counts*/) {
  cpu::top_k(scores, weights, experts);
  if (among_chosen) {
    Tensor chosen = Tensor::empty(scores.shape(), DType::u8);
    cpu::chosen_mask(experts, chosen);
    const Tensor excluded = Tensor::scalar(-std::numeric_limits<double>::infinity(), scores.dtype());
    cpu::where(chosen, scores, excluded, probabilities);
    cpu::softmax(probabilities, temperature, probabilities);
  } else {
    cpu::softmax(scores, temperature, probabilities);
  }
  cpu::gather_last(probabilities, experts, weights);
}

}  // namespace divvy::kernels::cpu
