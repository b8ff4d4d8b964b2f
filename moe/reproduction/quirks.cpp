#include "moe/reproduction/quirks.h"

#include <algorithm>

#include "tensor/error.h"

namespace divvy::moe {

const std::vector<QuirkEntry>& quirk_table() {
  static const std::vector<QuirkEntry> table = {
      {Quirk::double_softmax, "double-softmax",
       "softmax of the mixture's output (mixture, top-1; a regression's values, too)"},
      {Quirk::square_root_likelihood, "square-root-likelihood",
       "the mixture likelihood of square roots of probabilities (loss likelihood)"},
      {Quirk::similarity_bracket, "similarity-bracket",
       "only the `different` part of sample similarity is divided by B^2"},
      {Quirk::zero_gate, "zero-gate", "every parameter of the gate starts at 0, so only its last bias learns"},
      {Quirk::oracle_validation, "oracle-validation",
       "self-information chooses by the labels in evaluation, too (no-gate-self-information)"},
      {Quirk::noise_in_evaluation, "noise-in-evaluation",
       "the noise on self-information stays in evaluation; needs oracle-validation"},
      {Quirk::drifting_statistics, "drifting-statistics",
       "batch norms of frozen parts go on updating their statistics"},
      {Quirk::batch_statistics, "batch-statistics",
       "evaluation in training mode: batch norms use the batch, dropout goes on"},
      {Quirk::dropout_in_evaluation, "dropout-in-evaluation", "dropout goes on in evaluation; batch norms do not"},
      {Quirk::augmented_validation, "augmented-validation", "the validation part is augmented like the training part"},
      {Quirk::test_as_validation, "test-as-validation", "the test part serves as validation part"},
      {Quirk::accuracy_after_update, "accuracy-after-update",
       "training accuracy from a second forward pass, in evaluation mode, after each step"},
      {Quirk::scrambled_em, "scrambled-em", "the E-step's assignments go to other samples than they were made for"},
      {Quirk::em_gate_sign, "em-gate-sign",
       "EM of a regression minimizes gate times loss, which prefers experts that the gate does not"},
      {Quirk::unit_temperature, "unit-temperature", "evaluation at temperature 1, whatever the gate learned at"},
      {Quirk::unweighted_batches, "unweighted-batches",
       "validation accuracy as the mean over batches, a short last one counting as much as the others"},
      {Quirk::no_validation_part, "no-validation-part",
       "nothing is set aside: all is learned from, and the test part serves as validation part"},
  };
  return table;
}

Quirks Quirks::parse(const std::string& names) {
  Quirks result;
  if (names.empty() || names == "none") return result;
  size_t begin = 0;
  while (begin <= names.size()) {
    const size_t end = std::min(names.find(',', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    const auto& table = quirk_table();
    const auto found = std::ranges::find(table, name, &QuirkEntry::name);
    if (found == table.end()) {
      std::string known;
      for (const QuirkEntry& entry : table) known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
      fail<ValueError>("unknown quirk '{}'; known are {}", name, known);
    }
    result.add(found->quirk);
    begin = end + 1;
  }
  return result;
}

std::string Quirks::to_string() const {
  std::string text;
  for (const QuirkEntry& entry : quirk_table()) {
    if (has(entry.quirk)) text += fmt::format("{}{}", text.empty() ? "" : ",", entry.name);
  }
  return text.empty() ? "none" : text;
}

}  // namespace divvy::moe
