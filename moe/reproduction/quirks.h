#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datasets/dataset.h"
#include "moe/training/trainer.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// Something that the reference system of the published studies computed otherwise than its formulas say. All are off
/// unless asked for; they are there so that its numbers can be reproduced and the difference be measured.
///
/// A quirk changes the parts of a run through what anybody may set in them; nothing else of the library knows of it. A
/// part that it leaves alone is null.
struct Quirk {
  std::string_view name;
  std::string_view summary;
  void (*data)(data::Splits&) = nullptr;
  void (*model)(ModelOptions&) = nullptr;  ///< before the model is built, or a recipe made for it
  /// Throws ValueError where the quirk makes no sense of a recipe for this model.
  void (*recipe)(Recipe&, const ModelOptions&) = nullptr;
  void (*trainer)(TrainerOptions&) = nullptr;
  /// Whether a run is changed, of which all parts have been; null: every run is.
  bool (*changes)(const ModelOptions&, const Recipe&, const TrainerOptions&) = nullptr;
  std::string_view reader = {};  ///< the runs that are changed, for people
};

/// All of them, in the order in which they are listed to users and applied.
Registry<Quirk>& quirks();

/// A set of quirks.
class Quirks {
 public:
  Quirks() = default;
  /// From names, comma-separated; "none" or nothing for the empty set. Throws ValueError that lists the known names.
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
  /// Those that change nothing of a run, to whose parts all have been applied.
  std::vector<const Quirk*> idle(const ModelOptions& model, const Recipe& recipe, const TrainerOptions& trainer) const;

 private:
  std::vector<const Quirk*> set_;  ///< in the order of quirks()
};

}  // namespace divvy::moe
