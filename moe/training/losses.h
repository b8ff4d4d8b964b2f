#pragma once

#include <functional>
#include <string>

#include "moe/training/term_inputs.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// A loss by name: what the output of a model, or its experts with their weights, is measured by. Its option is
/// `--loss name`.
struct LossKind {
  /// What a loss compares with.
  enum class With { labels, targets, either };

  std::string name;
  std::string summary;  ///< one line, as users see it listed
  With with = With::either;
  bool mixes_outputs = false;     ///< reads what each expert says, so a model cannot combine logits instead
  bool responsibilities = false;  ///< reads the responsibilities of an E-step
  std::function<Variable(const TermInputs&)> value = {};  ///< a scalar, the mean over the samples
};

/// All losses, in the order in which they are listed to users; a program can add its own.
Registry<LossKind>& losses();

/// The loss of an objective: a copy of a row, whose function may be exchanged for another.
struct Loss : LossKind {
  // NOLINTBEGIN(google-explicit-constructor): a name, as in {.loss = "mse"}, is the usual case
  /// Throws ValueError for an unknown name.
  Loss(const std::string& known_name) : LossKind(losses().at(known_name)) {}
  Loss(const char* known_name) : LossKind(losses().at(known_name)) {}
  Loss(LossKind kind) : LossKind(std::move(kind)) {}
  // NOLINTEND(google-explicit-constructor)
};

}  // namespace divvy::moe
