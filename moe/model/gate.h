#pragma once

#include <concepts>
#include <memory>

#include "nn/linear.h"
#include "nn/sequential.h"

namespace divvy::moe {

/// What a gate may read from the experts, all of which have been evaluated on all samples.
struct ExpertReadings {
  Variable hidden;  ///< [E, B, H] the last hidden layer of each expert
  Variable output;  ///< [E, B, C] the output of each expert
};

/// A gate that reads the experts in addition to the samples. (A gate that reads only samples is any module from x to
/// scores [B, E].)
class ReadingGate : public nn::Module {
 public:
  /// Whether it reads ExpertReadings::hidden rather than the output.
  virtual bool reads_hidden() const = 0;
  /// x: [B, ...]; returns scores [B, E].
  virtual Variable scores(const Variable& x, const ExpertReadings& experts) = 0;
  /// A plain gate for that many experts that is initialized from this one; null if there is no such gate.
  virtual std::shared_ptr<nn::Sequential> distilled(int64_t /*experts*/, Generator& /*generator*/) const {
    return nullptr;
  }
  /// Throws GraphError, since this gate needs readings of the experts.
  nn::Rows forward(const nn::Rows& x) override;
};

/// The gate of a model, or none: a ReadingGate, or any other module from samples to scores [B, E]; the static type of
/// the pointer decides which.
class Gate {
 public:
  Gate(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): no gate
  template <std::derived_from<nn::Module> M>
  Gate(std::shared_ptr<M> module) : module_(module) {  // NOLINT(google-explicit-constructor): a module is a gate
    if constexpr (std::derived_from<M, ReadingGate>) reading_ = module.get();
  }
  const std::shared_ptr<nn::Module>& module() const { return module_; }
  /// The gate as a ReadingGate, or null if it reads only samples.
  ReadingGate* reading() const { return reading_; }

 private:
  std::shared_ptr<nn::Module> module_;
  ReadingGate* reading_ = nullptr;
};

/// The attentive gate of Krishnamurthy et al. (2023): a query from the gate's own hidden layer, a key from the hidden
/// layer of each expert, and scores query . key / sqrt(H). There are no values; the scores are the result.
///
/// Parameters: "body.*", the gate's network without its output layer; "query.weight" and "key.weight", both [H, H].
class AttentiveGate final : public ReadingGate {
 public:
  /// body: x -> [B, H]. Throws ValueError for a null body or H < 1.
  AttentiveGate(std::shared_ptr<nn::Sequential> body, int64_t hidden, DType dtype, Generator& generator);

  bool reads_hidden() const override { return true; }
  Variable scores(const Variable& x, const ExpertReadings& experts) override;
  std::string describe() const override;

  /// The layers of its body, shared between both gates, followed by a ReLU and a new output layer.
  std::shared_ptr<nn::Sequential> distilled(int64_t experts, Generator& generator) const override;

 private:
  std::shared_ptr<nn::Sequential> body_;
  std::shared_ptr<nn::Linear> query_, key_;
};

/// A gate that reads the experts' outputs in addition to the samples: classifier(concat(features(x), outputs of all
/// experts)).
///
/// Parameters: "features.*" and "classifier.*".
class AugmentedGate final : public ReadingGate {
 public:
  /// features: x -> [B, F]; classifier: [B, F + E C] -> [B, E].
  AugmentedGate(std::shared_ptr<nn::Sequential> features, std::shared_ptr<nn::Sequential> classifier);

  bool reads_hidden() const override { return false; }
  Variable scores(const Variable& x, const ExpertReadings& experts) override;

 private:
  std::shared_ptr<nn::Sequential> features_, classifier_;
};

}  // namespace divvy::moe
