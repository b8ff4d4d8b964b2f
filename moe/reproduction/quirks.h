#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace divvy::moe {

/// What the reference system of the published studies computed otherwise than its formulas say, each by a name. All are
/// off unless asked for; they are there so that its numbers can be reproduced and the difference be measured.
enum class Quirk : uint32_t {
  double_softmax = 1U << 0,
  square_root_likelihood = 1U << 1,
  similarity_bracket = 1U << 2,
  zero_gate = 1U << 3,
  oracle_validation = 1U << 4,
  noise_in_evaluation = 1U << 5,
  drifting_statistics = 1U << 6,
  batch_statistics = 1U << 7,
  augmented_validation = 1U << 8,
  test_as_validation = 1U << 9,
  accuracy_after_update = 1U << 10,
  scrambled_em = 1U << 11,
  em_gate_sign = 1U << 12,
  unit_temperature = 1U << 13,
  unweighted_batches = 1U << 14,
  no_validation_part = 1U << 15,
  dropout_in_evaluation = 1U << 16,
};

struct QuirkEntry {
  Quirk quirk;
  std::string_view name;
  std::string_view summary;
};

/// All of them, in the order in which they are listed to users.
const std::vector<QuirkEntry>& quirk_table();

/// A set of quirks.
class Quirks {
 public:
  Quirks() = default;
  /// From names, comma-separated; "none" or nothing for the empty set. Throws ValueError that lists the known names.
  static Quirks parse(const std::string& names);

  bool has(Quirk quirk) const { return (bits_ & static_cast<uint32_t>(quirk)) != 0; }
  void add(Quirk quirk) { bits_ |= static_cast<uint32_t>(quirk); }
  bool empty() const { return bits_ == 0; }
  /// The names, comma-separated; "none" for the empty set.
  std::string to_string() const;
  bool operator==(const Quirks&) const = default;

 private:
  uint32_t bits_ = 0;
};

}  // namespace divvy::moe
