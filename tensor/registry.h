#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tensor/suggest.h"

namespace divvy {

/// Named rows from which users choose and to which a program can add. A function of the library returns each registry
/// and creates it with the built-in rows on the first call, so no row depends on static initialization:
///
///     recipes().add({.name = "mine", .summary = "...", .stages = ...});  // as good as a built-in one from here on
///     recipes().at("mine");
///
/// A Row has a member `name`, a string. Rows keep the order in which they were added, and their addresses; none can be
/// removed. Rows must be added before other threads read the registry.
template <class Row>
class Registry {
 public:
  /// `kind` is what errors call a row, such as "recipe".
  explicit Registry(std::string kind, std::vector<Row> rows = {}) : kind_(std::move(kind)) {
    for (Row& row : rows) add(std::move(row));
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Throws ValueError for a row without a name, and for a name that another row has.
  const Row& add(Row row) {
    if (row.name.empty()) fail<ValueError>("a {} needs a name", kind_);
    if (find(row.name) != nullptr) fail<ValueError>("there is a {} '{}' already", kind_, row.name);
    rows_.push_back(std::move(row));
    return rows_.back();
  }

  /// The row of that name, or nullptr if there is none.
  const Row* find(std::string_view name) const {
    for (const Row& row : rows_) {
      if (row.name == name) return &row;
    }
    return nullptr;
  }

  /// The row of that name. Throws ValueError for an unknown name; the message suggests the nearest one and lists all.
  const Row& at(std::string_view name) const {
    if (const Row* row = find(name)) return *row;
    fail<ValueError>("unknown {} '{}'{}", kind_, name, suggestion(name, names()));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Row& row : rows_) names.emplace_back(row.name);
    return names;
  }

  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }
  size_t size() const { return rows_.size(); }
  const Row& front() const { return rows_.front(); }

 private:
  std::string kind_;
  std::deque<Row> rows_;
};

}  // namespace divvy
