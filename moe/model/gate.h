#pragma once

#include <concepts>
#include <memory>

#include "nn/linear.h"
#include "nn/sequential.h"

namespace divvy::moe {

/// What a gate may read of the experts, all of which have then been evaluated on all samples.
struct ExpertReadings {
  Variable hidden;  ///< [E, B, H] their last hidden layer
  Variable output;  ///< [E, B, C] their output
};

/// A gate that reads the experts as well as the samples. (One that reads samples only is any module x -> scores [B,
/// E].)
class ReadingGate : public nn::Module {
 public:
  /// Whether it reads ExpertReadings::hidden; otherwise it reads the output.
  virtual bool reads_hidden() const = 0;
  /// x: [B, ...]; the result: scores [B, E].
  virtual Variable scores(const Variable& x, const ExpertReadings& experts) = 0;
  /// An ordinary gate for that many experts that starts from what this one has learned; null where it cannot be made.
  virtual std::shared_ptr<nn::Sequential> distilled(int64_t /*experts*/, Generator& /*generator*/) const {
    return nullptr;
  }
  /// Throws GraphError: samples alone are not enough.
  nn::Rows forward(const nn::Rows& x) override;
};

/// The gate of a model, or none: any module from samples to scores [B, E], or a ReadingGate, as the type of the pointer
/// tells.
class Gate {
 public:
  Gate(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): no gate
  template <std::derived_from<nn::Module> M>
  Gate(std::shared_ptr<M> module) : module_(module) {  // NOLINT(google-explicit-constructor): a module is a gate
    if constexpr (std::derived_from<M, ReadingGate>) reading_ = module.get();
  }
  const std::shared_ptr<nn::Module>& module() const { return module_; }
  /// The same, null where it reads samples alone.
  ReadingGate* reading() const { return reading_; }

 private:
  std::shared_ptr<nn::Module> module_;
  ReadingGate* reading_ = nullptr;
};

/// The attentive gate of Krishnamurthy et al. (2023): a query from the gate's own hidden layer, a key from the hidden
/// layer of each expert, and scores query . key / sqrt(H). There is no value projection; the scores are the result.
///
/// Parameters: "body.*", the gate's network without its output layer; "query.weight" and "key.weight", both [H, H].
class AttentiveGate final : public ReadingGate {
 public:
  /// body: x -> [B, H]. Throws ValueError for a null body or H < 1.
  AttentiveGate(std::shared_ptr<nn::Sequential> body, int64_t hidden, DType dtype, Generator& generator);

  bool reads_hidden() const override { return true; }
  Variable scores(const Variable& x, const ExpertReadings& experts) override;
  std::string describe() const override;

  /// The layers of its body, which the two then share, a ReLU and a fresh output layer.
  std::shared_ptr<nn::Sequential> distilled(int64_t experts, Generator& generator) const override;

 private:
  std::shared_ptr<nn::Sequential> body_;
  std::shared_ptr<nn::Linear> query_, key_;
};

/// A gate that reads the experts' outputs next to the samples: classifier(concat(features(x), outputs of all experts)).
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
