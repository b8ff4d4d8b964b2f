#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datasets/dataset.h"
#include "moe/training/trainer.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// A computation in which the reference system of the published studies differs from the published formulas. Quirks are
/// off by default; they serve to reproduce published numbers and to measure the difference.
///
/// A quirk changes the parts of a run through public options and hooks; the rest of the library does not depend on
/// quirks. The function of a part that it does not change is null.
struct Quirk {
  std::string_view name;
  std::string_view summary;
  void (*data)(data::Splits&) = nullptr;
  void (*model)(ModelOptions&) = nullptr;  ///< called before the model is built and the recipe made
  /// Throws ValueError if the quirk is not defined for such a recipe or model.
  void (*recipe)(Recipe&, const ModelOptions&) = nullptr;
  void (*trainer)(TrainerOptions&) = nullptr;
  /// Whether the quirk has an effect on a run to whose parts it was applied; null if it always has.
  bool (*changes)(const ModelOptions&, const Recipe&, const TrainerOptions&) = nullptr;
  std::string_view reader = {};  ///< description of the runs that it affects, for messages
};

/// All quirks, in the order in which they are listed to users and applied.
Registry<Quirk>& quirks();

/// A set of quirks.
class Quirks {
 public:
  Quirks() = default;
  /// Parses comma-separated names; "none" or "" is the empty set. Throws ValueError, which lists the known names, for
  /// an unknown one.
  static Quirks parse(const std::string& names);

  bool has(std::string_view name) const;
  /// Throws ValueError for an unknown name.
  void add(std::string_view name);
  bool empty() const { return set_.empty(); }
  /// The names, comma-separated; "none" for the empty set.
  std::string to_string() const;
  bool operator==(const Quirks&) const = default;

  void apply(data::Splits& data) const;
  void apply(ModelOptions& model) const;
  void apply(Recipe& recipe, const ModelOptions& model) const;
  void apply(TrainerOptions& trainer) const;
  /// The quirks of the set without effect on a run to whose parts they were applied.
  std::vector<const Quirk*> idle(const ModelOptions& model, const Recipe& recipe, const TrainerOptions& trainer) const;

 private:
  std::vector<const Quirk*> set_;  ///< in the order of quirks()
};

}  // namespace divvy::moe
