#include <cmath>

#include "moe/analysis/record.h"
#include "tensor/error.h"
#include "tensor/safetensors.h"

namespace divvy::moe {

namespace {

/// Calls f(name, column, number of values per sample) for every column of a record.
template <class R, class F>
void each_column(R& record, const F& f) {
  f("label", record.label, int64_t{1});
  f("expert", record.expert, int64_t{1});
  f("probabilities", record.probabilities, record.experts);
  f("prediction", record.prediction, int64_t{1});
  f("label_rank", record.label_rank, int64_t{1});
  f("loss", record.loss, int64_t{1});
  f("expert_prediction", record.expert_prediction, int64_t{1});
  f("expert_loss", record.expert_loss, int64_t{1});
  f("expert_predictions", record.expert_predictions, record.experts);
  f("expert_losses", record.expert_losses, record.experts);
  f("squared_error", record.squared_error, int64_t{1});
  f("expert_squared_error", record.expert_squared_error, int64_t{1});
  f("expert_squared_errors", record.expert_squared_errors, record.experts);
}

template <class T>
std::vector<T> read(const Tensor& tensor, const std::string& path, const std::string& name) {
  if (tensor.dtype() != dtype_of<T>) {
    fail<CheckpointError>("{}: '{}' is {}, expected {}", path, name, tensor.dtype(), dtype_of<T>);
  }
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

template <class T>
void require_within(const std::vector<T>& values, int64_t low, int64_t limit, const std::string& path,
                    const char* name) {
  for (T value : values) {
    if (value < low || value >= limit) {
      fail<CheckpointError>("{}: {} {} is outside [{}, {})", path, name, value, low, limit);
    }
  }
}

void require_numbers(const std::vector<float>& values, const std::string& path, const char* name) {
  for (float value : values) {
    if (!std::isfinite(value)) fail<CheckpointError>("{}: '{}' has the value {}", path, name, value);
  }
}

/// Throws CheckpointError unless all of these columns are there if `wanted`, or else none of them.
void require_together(const std::string& path, bool wanted, std::initializer_list<std::pair<const char*, bool>> has) {
  for (const auto& [name, present] : has) {
    if (present != wanted) {
      fail<CheckpointError>("{}: '{}' is {}; this is no routing record of this version", path, name,
                            wanted ? "missing" : "not expected");
    }
  }
}

void require_sound(const Record& record, const std::string& path) {
  each_column(record, [&](const char* name, const auto& column, int64_t width) {
    if (!column.empty() && std::ssize(column) != record.size() * width) {
      fail<CheckpointError>("{}: '{}' has {} numbers for {} samples and {} experts", path, name, column.size(),
                            record.size(), record.experts);
    }
  });
  if (record.size() == 0) fail<CheckpointError>("{}: no tensor 'expert'; this is no routing record", path);
  const bool regression = record.is_regression(), dense = record.is_dense();
  require_together(path, true, {{"probabilities", !record.probabilities.empty()}});
  require_together(path, !regression,
                   {{"prediction", !record.prediction.empty()},
                    {"label_rank", !record.label_rank.empty()},
                    {"loss", !record.loss.empty()},
                    {"expert_prediction", !record.expert_prediction.empty()},
                    {"expert_loss", !record.expert_loss.empty()}});
  require_together(path, regression, {{"expert_squared_error", !record.expert_squared_error.empty()}});
  require_together(
      path, dense && !regression,
      {{"expert_predictions", !record.expert_predictions.empty()}, {"expert_losses", !record.expert_losses.empty()}});
  require_together(path, dense && regression, {{"expert_squared_errors", !record.expert_squared_errors.empty()}});
  if (!regression) require_together(path, true, {{"label", record.has_labels()}});

  require_within(record.label, 0, record.classes, path, "label");
  require_within(record.prediction, 0, record.classes, path, "prediction");
  require_within(record.label_rank, 0, record.classes, path, "label_rank");
  require_within(record.expert, -1, record.experts, path, "expert");
  require_within(record.expert_prediction, -1, record.classes, path, "expert_prediction");
  require_within(record.expert_predictions, 0, record.classes, path, "expert_predictions");
  for (float p : record.probabilities) {
    if (!(p >= 0 && p <= 1.001f)) fail<CheckpointError>("{}: a gate probability is {}", path, p);
  }
  each_column(record, [&](const char* name, const auto& column, int64_t) {
    if constexpr (std::is_same_v<std::decay_t<decltype(column)>, std::vector<float>>) {
      require_numbers(column, path, name);
    }
  });
}

}  // namespace

void save_record(const std::string& path, const Record& record) {
  SafeTensors file;
  each_column(record, [&](const char* name, const auto& column, int64_t) {
    if (!column.empty()) file.tensors[name] = Tensor::from(column, {std::ssize(column)});
  });
  file.tensors["sizes"] = Tensor::from<int64_t>({record.experts, record.classes, record.evaluated_rows});
  file.metadata["kind"] = "divvy routing record";
  save_safetensors(path, file);
}

Record load_record(const std::string& path) {
  const SafeTensors file = load_safetensors(path);
  Record record;
  const auto found = file.tensors.find("sizes");
  if (found == file.tensors.end()) fail<CheckpointError>("{}: no tensor 'sizes'; this is no routing record", path);
  const auto sizes = read<int64_t>(found->second, path, "sizes");
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] < 0 || sizes[2] < 0) {
    fail<CheckpointError>("{}: 'sizes' is damaged", path);
  }
  record.experts = sizes[0];
  record.classes = sizes[1];
  record.evaluated_rows = sizes[2];
  each_column(record, [&](const char* name, auto& column, int64_t) {
    const auto stored = file.tensors.find(name);
    if (stored == file.tensors.end()) return;
    column = read<typename std::decay_t<decltype(column)>::value_type>(stored->second, path, name);
  });
  if (record.experts > std::ssize(record.probabilities)) {  // also prevents overflow of the products of sizes below
    fail<CheckpointError>("{}: {} gate probabilities for {} experts", path, record.probabilities.size(),
                          record.experts);
  }
  require_sound(record, path);
  return record;
}

}  // namespace divvy::moe
