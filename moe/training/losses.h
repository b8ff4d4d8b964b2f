#pragma once

#include <functional>
#include <string>

#include "moe/training/term_inputs.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// A named loss, computed from the output of a model or from those of its experts and their weights. Its option is
/// `--loss name`.
struct LossKind {
  /// What a loss compares the output with.
  enum class With { labels, targets, either };

  std::string name;
  std::string summary;  ///< one line, as users see it listed
  With with = With::either;
  bool mixes_outputs = false;     ///< reads the outputs of the experts, so a model that combines logits cannot use it
  bool responsibilities = false;  ///< reads the responsibilities of an E-step
  std::function<Variable(const TermInputs&)> value = {};  ///< a scalar, the mean over the samples
};

/// All losses, in the order in which they are listed to users; a program can add its own.
Registry<LossKind>& losses();

/// The loss of an objective: a copy of a row, whose function may be replaced.
struct Loss : LossKind {
  // NOLINTBEGIN(google-explicit-constructor): a name, as in {.loss = "mse"}, is the usual case
  /// Throws ValueError for an unknown name.
  Loss(const std::string& known_name) : LossKind(losses().at(known_name)) {}
  Loss(const char* known_name) : LossKind(losses().at(known_name)) {}
  Loss(LossKind kind) : LossKind(std::move(kind)) {}
  // NOLINTEND(google-explicit-constructor)
};

}  // namespace divvy::moe
