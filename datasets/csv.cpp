#include "datasets/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "datasets/byte_reader.h"

namespace divvy::data {

namespace {

constexpr int64_t kLimit = int64_t{1} << 30;
// A column of words with more values than this is text, not a category.
constexpr size_t kMostValues = 1000;

/// The cells of a table, column by column; `lines[row]` is the line number of a row.
struct Table {
  std::string path;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;
  std::vector<int64_t> lines;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The fields of one line. Throws DataError for an unterminated quote, and for text after a quoted field.
std::vector<std::string> fields_of(std::string_view line, char separator, const std::string& path, int64_t number) {
  std::vector<std::string> fields;
  size_t at = 0;
  while (true) {
    std::string field;
    const size_t start = line.find_first_not_of(" \t", at);
    if (start != std::string_view::npos && line[start] == '"') {
      at = start + 1;
      while (true) {
        const size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) fail<DataError>("{}: line {}: a quote does not end", path, number);
        field += line.substr(at, quote - at);
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') break;
        field += '"';
        ++at;
      }
      const size_t end = std::min(line.find(separator, at), line.size());
      if (!trimmed(line.substr(at, end - at)).empty()) {
        fail<DataError>("{}: line {}: text follows a quoted field", path, number);
      }
      at = end;
    } else {
      const size_t end = std::min(line.find(separator, at), line.size());
      field = trimmed(line.substr(at, end - at));
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return fields;
    ++at;
  }
}

Table read_table(const std::string& path, char separator) {
  ByteReader reader(path);
  const std::string text = reader.read_all(kLimit);
  Table table;
  table.path = path;
  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);  // a byte order mark
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty()) continue;
    auto fields = fields_of(line, separator, path, number);
    if (table.names.empty()) {
      table.names = std::move(fields);
      table.columns.resize(table.names.size());
      continue;
    }
    if (fields.size() != table.names.size()) {
      fail<DataError>("{}: line {} has {} fields where the first line names {} columns", path, number, fields.size(),
                      table.names.size());
    }
    for (size_t c = 0; c < fields.size(); ++c) {
      if (fields[c].empty()) fail<DataError>("{}: line {}: column {} is empty", path, number, table.names[c]);
      table.columns[c].push_back(std::move(fields[c]));
    }
    table.lines.push_back(number);
  }
  if (table.lines.empty()) fail<DataError>("{}: there are no rows", path);
  const std::set<std::string> distinct(table.names.begin(), table.names.end());
  if (distinct.size() != table.names.size()) fail<DataError>("{}: a column name comes twice", path);
  return table;
}

std::optional<double> number_in(const std::string& field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  // A number out of the range of double is still a number; it is refused later as not finite.
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

bool is_number(const std::string& field) { return number_in(field).has_value(); }

size_t column_called(const Table& table, const std::string& name) {
  const auto found = std::ranges::find(table.names, name);
  if (found == table.names.end()) {
    fail<DataError>("{}: there is no column {}; it has {}", table.path, name, fmt::join(table.names, ", "));
  }
  return static_cast<size_t>(found - table.names.begin());
}

/// The distinct values of a column, in the order of its classes or features.
std::vector<std::string> values_of(const Table& table, size_t column) {
  const std::set<std::string> distinct(table.columns[column].begin(), table.columns[column].end());
  if (distinct.size() > kMostValues) {
    fail<DataError>("{}: column {} has {} different values, which is too many for classes", table.path,
                    table.names[column], distinct.size());
  }
  std::vector<std::string> values(distinct.begin(), distinct.end());
  if (std::ranges::all_of(values, is_number)) {
    std::ranges::stable_sort(values, {}, [](const std::string& value) { return *number_in(value); });
  }
  return values;
}

/// The index in `values` of each row's value.
std::vector<int64_t> places_of(const Table& table, size_t column, const std::vector<std::string>& values) {
  std::map<std::string_view, int64_t> place;
  for (const std::string& value : values) place.emplace(value, static_cast<int64_t>(place.size()));
  std::vector<int64_t> places;
  for (const std::string& field : table.columns[column]) places.push_back(place.at(field));
  return places;
}

/// Appends the features that encode a column, each a vector over the rows.
void append_features(const Table& table, size_t column, std::vector<std::vector<float>>& features) {
  const auto& fields = table.columns[column];
  if (std::ranges::all_of(fields, is_number)) {
    auto& feature = features.emplace_back();
    for (size_t row = 0; row < fields.size(); ++row) {
      const auto value = static_cast<float>(*number_in(fields[row]));
      if (!std::isfinite(value)) {
        fail<DataError>("{}: line {}: column {} is {}", table.path, table.lines[row], table.names[column], fields[row]);
      }
      feature.push_back(value);
    }
    return;
  }
  const auto values = values_of(table, column);
  const auto places = places_of(table, column, values);
  const size_t first = features.size();
  features.resize(first + values.size(), std::vector<float>(fields.size(), 0.f));
  for (size_t row = 0; row < fields.size(); ++row) features[first + static_cast<size_t>(places[row])][row] = 1;
}

}  // namespace

Dataset load_csv(const std::string& path, const CsvOptions& options) {
  const Table table = read_table(path, options.separator);
  const size_t label = options.label.empty() ? table.names.size() - 1 : column_called(table, options.label);
  std::set<size_t> left_out{label};
  for (const std::string& name : options.ignore) left_out.insert(column_called(table, name));

  std::vector<std::vector<float>> features;
  for (size_t column = 0; column < table.names.size(); ++column) {
    if (!left_out.contains(column)) append_features(table, column, features);
  }
  if (features.empty()) fail<DataError>("{}: there is no column for features", path);
  const auto rows = static_cast<int64_t>(table.lines.size()), width = static_cast<int64_t>(features.size());
  Dataset d;
  d.name = std::filesystem::path(path).stem().string();
  d.x = Tensor::empty({rows, width});
  d.y = Tensor::empty({rows}, DType::i64);
  float* x = d.x.mutable_data<float>();
  int64_t* y = d.y.mutable_data<int64_t>();
  d.class_names = values_of(table, label);
  d.classes = static_cast<int64_t>(d.class_names.size());
  const auto labels = places_of(table, label, d.class_names);
  for (size_t row = 0; row < labels.size(); ++row) {
    for (const auto& feature : features) *x++ = feature[row];
    *y++ = labels[row];
  }
  check(d, path);
  return d;
}

}  // namespace divvy::data
