#include "moe/record.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/safetensors.h"

namespace divvy::moe {

namespace {

int64_t arg_max(const std::vector<double>& values, int64_t row, int64_t cols) {
  const auto begin = values.begin() + row * cols;
  return std::max_element(begin, begin + cols) - begin;
}

Tensor column(const std::vector<int64_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

template <class T>
std::vector<T> read(const SafeTensors& file, const std::string& path, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) fail<CheckpointError>("{}: no tensor '{}'; this is no routing record", path, name);
  if (found->second.dtype() != dtype_of<T>) {
    fail<CheckpointError>("{}: '{}' is {}, expected {}", path, name, found->second.dtype(), dtype_of<T>);
  }
  const auto values = found->second.values<T>();
  return {values.begin(), values.end()};
}

void require_below(const std::vector<int64_t>& values, int64_t limit, const std::string& path, const char* name) {
  for (int64_t value : values) {
    if (value < 0 || value >= limit) fail<CheckpointError>("{}: {} {} is outside [0, {})", path, name, value, limit);
  }
}

}  // namespace

void Record::append(const Forward& forward, const Tensor& labels) {
  const int64_t samples = forward.output.size(0);
  if (labels.shape() != Shape{samples}) fail<ShapeError>("record: {} labels for {} samples", labels.shape(), samples);
  const int64_t now_experts = forward.routing.probabilities.size(1), now_classes = forward.output.shape().cols();
  if (size() > 0 && (now_experts != experts || now_classes != classes)) {
    fail<ShapeError>("record: {} experts and {} classes after {} and {}", now_experts, now_classes, experts, classes);
  }
  experts = now_experts;
  classes = now_classes;
  evaluated_rows += forward.dispatch.rows();

  const auto output = forward.output.value().to_doubles(), rows = forward.rows.value().to_doubles();
  const auto weights = forward.routing.weights.value().to_doubles();
  const auto chosen = forward.routing.experts.values<int64_t>();
  const auto position = forward.dispatch.position.values<int64_t>();
  const int64_t k = forward.routing.experts.size(1);
  for (int64_t b = 0; b < samples; ++b) {
    label.push_back(labels.values<int64_t>()[static_cast<size_t>(b)]);
    prediction.push_back(arg_max(output, b, classes));
    const auto choice = static_cast<size_t>(b * k + arg_max(weights, b, k));
    expert.push_back(chosen[choice]);
    expert_prediction.push_back(arg_max(rows, position[choice], classes));
  }
  const auto p = forward.routing.probabilities.value().to_doubles();
  for (double value : p) probabilities.push_back(static_cast<float>(value));
}

void save_record(const std::string& path, const Record& record) {
  SafeTensors file;
  file.tensors["label"] = column(record.label);
  file.tensors["prediction"] = column(record.prediction);
  file.tensors["expert"] = column(record.expert);
  file.tensors["expert_prediction"] = column(record.expert_prediction);
  file.tensors["probabilities"] = Tensor::from(record.probabilities, {record.size(), record.experts});
  file.tensors["sizes"] = Tensor::from<int64_t>({record.experts, record.classes, record.evaluated_rows});
  file.metadata["kind"] = "divvy routing record";
  save_safetensors(path, file);
}

Record load_record(const std::string& path) {
  const SafeTensors file = load_safetensors(path);
  Record record;
  const auto sizes = read<int64_t>(file, path, "sizes");
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] < 1) fail<CheckpointError>("{}: 'sizes' is damaged", path);
  record.experts = sizes[0];
  record.classes = sizes[1];
  record.evaluated_rows = sizes[2];
  record.label = read<int64_t>(file, path, "label");
  record.prediction = read<int64_t>(file, path, "prediction");
  record.expert = read<int64_t>(file, path, "expert");
  record.expert_prediction = read<int64_t>(file, path, "expert_prediction");
  record.probabilities = read<float>(file, path, "probabilities");
  const size_t samples = record.label.size();
  if (record.prediction.size() != samples || record.expert.size() != samples ||
      record.expert_prediction.size() != samples ||
      record.probabilities.size() != samples * static_cast<size_t>(record.experts)) {
    fail<CheckpointError>("{}: the columns of the record differ in length", path);
  }
  require_below(record.label, record.classes, path, "label");
  require_below(record.prediction, record.classes, path, "prediction");
  require_below(record.expert, record.experts, path, "expert");
  require_below(record.expert_prediction, record.classes, path, "expert_prediction");
  return record;
}

}  // namespace divvy::moe
