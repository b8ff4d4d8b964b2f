#include "apps/commands/listing.h"

#include <fmt/format.h>

#include <vector>

#include "datasets/catalog.h"
#include "moe/analysis/metric_table.h"
#include "moe/model/class_lists.h"
#include "moe/model/models.h"
#include "moe/model/networks.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/recipe.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

using Lines = std::vector<std::vector<std::string>>;  // name, summary

std::string group(const char* title, const Lines& lines) {
  return fmt::format("{}\n{}\n", title, text_table({}, lines, {.indent = "  "}));
}

template <class Rows>
Lines lines_of(const Rows& rows) {
  Lines lines;
  for (const auto& row : rows) lines.push_back({std::string(row.name), std::string(row.summary)});
  return lines;
}

Lines class_list_lines() {
  Lines lines;
  for (const moe::NamedClassLists& row : moe::named_class_lists()) {
    std::string text = moe::to_string(row.lists);
    constexpr size_t kMost = 60;
    if (text.size() > kMost) text = fmt::format("{} lists: {} ...", row.lists.size(), text.substr(0, text.find('|')));
    lines.push_back({std::string(row.name), text});
  }
  lines.push_back({"random", "each class to one expert, drawn from the seed"});
  lines.push_back({"0,1|2|...", "the classes of expert 0, of expert 1, ..."});
  return lines;
}

Lines regularizer_lines() {
  Lines lines;
  for (const moe::RegularizerKind& row : moe::regularizers()) {
    lines.push_back({row.option(), row.summary + (row.every_expert ? "; evaluates every expert" : "")});
  }
  return lines;
}

Lines data_lines() {
  Lines lines;
  for (const data::CatalogEntry& entry : data::catalog()) {
    const std::string sample = entry.sample.find('x') == std::string::npos
                                   ? fmt::format("{} {}", entry.sample, entry.sample == "1" ? "feature" : "features")
                                   : entry.sample;
    const std::string classes = entry.classes > 0 ? fmt::format(", {} classes", entry.classes) : "";
    lines.push_back({entry.name, fmt::format("{}; {}{}", entry.description, sample, classes)});
  }
  return lines;
}

}  // namespace

std::string listing() {
  std::string text = group("models (--model)", lines_of(moe::models()));
  text += group("gates (--gate)", lines_of(moe::kGates));
  text += group("probabilities of gate and experts (--gate-output, --expert-output)", lines_of(moe::kNormalizers));
  text += group("which expert answers (--output)", lines_of(moe::kOutputs));
  text += group("losses (--loss)", lines_of(moe::losses()));
  text += group("regularizers (options, each with its weight)", regularizer_lines());
  text += group("recipes (--recipe)", lines_of(moe::recipes()));
  text += group("optimizers (--optimizer)", lines_of(moe::optimizers()));
  text += group("quirks of published code (--quirks, comma-separated)", lines_of(moe::quirks()));
  text += group("classes of experts (--class-lists)", class_list_lines());
  text += group("networks of experts and gate (--net)", lines_of(moe::networks()));
  text += group("data sets (--data)", data_lines());
  text += group("metrics (columns of results, with val_ or test_ before them)", lines_of(moe::metrics()));
  text.pop_back();  // the empty line after the last group
  return text;
}

}  // namespace divvy::app
