#include "moe/reproduction/quirks.h"

#include <algorithm>

namespace divvy::moe {

Quirks Quirks::parse(const std::string& names) {
  Quirks result;
  if (names.empty() || names == "none") return result;
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    result.add(std::string_view(names).substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

bool Quirks::has(std::string_view name) const { return std::ranges::find(set_, name, &Quirk::name) != set_.end(); }

void Quirks::add(std::string_view name) {
  const Quirk& added = quirks().at(name);
  std::vector<const Quirk*> set;
  for (const Quirk& quirk : quirks()) {
    if (&quirk == &added || has(quirk.name)) set.push_back(&quirk);
  }
  set_ = std::move(set);
}

std::string Quirks::to_string() const {
  std::string text;
  for (const Quirk* quirk : set_) text += fmt::format("{}{}", text.empty() ? "" : ",", quirk->name);
  return text.empty() ? "none" : text;
}

void Quirks::apply(data::Splits& data) const {
  for (const Quirk* quirk : set_) {
    if (quirk->data != nullptr) quirk->data(data);
  }
}

void Quirks::apply(ModelOptions& model) const {
  for (const Quirk* quirk : set_) {
    if (quirk->model != nullptr) quirk->model(model);
  }
}

void Quirks::apply(Recipe& recipe, const ModelOptions& model) const {
  for (const Quirk* quirk : set_) {
    if (quirk->recipe != nullptr) quirk->recipe(recipe, model);
  }
}

void Quirks::apply(TrainerOptions& trainer) const {
  for (const Quirk* quirk : set_) {
    if (quirk->trainer != nullptr) quirk->trainer(trainer);
  }
}

std::vector<const Quirk*> Quirks::idle(const ModelOptions& model, const Recipe& recipe,
                                       const TrainerOptions& trainer) const {
  std::vector<const Quirk*> idle;
  for (const Quirk* quirk : set_) {
    if (quirk->changes != nullptr && !quirk->changes(model, recipe, trainer)) idle.push_back(quirk);
  }
  return idle;
}

}  // namespace divvy::moe
