#include "autograd/finite_watch.h"

#include <algorithm>

#include "kernels/finite.h"
#include "tensor/error.h"

namespace divvy {

FiniteWatch::FiniteWatch(Device device) : record_(Tensor::zeros({5}, DType::i64, device)) {}

void FiniteWatch::look(std::span<const Tensor> values, const std::vector<Subject>& subjects, bool new_run) {
  if (values.size() != subjects.size()) {
    fail<ValueError>("finite watch: {} subjects for {} tensors", subjects.size(), values.size());
  }
  auto known = std::ranges::find(subjects_, subjects);
  if (known == subjects_.end()) known = subjects_.insert(known, subjects);
  kernels::watch_finite(values, known - subjects_.begin(), new_run, record_);
}

void FiniteWatch::check() const {
  const Tensor host = record_.to(Device::cpu());
  const auto record = host.values<int64_t>();
  if (record[1] == 0) return;
  const Subject& subject = subjects_.at(static_cast<size_t>(record[2])).at(static_cast<size_t>(record[3]));
  std::optional<NonFiniteError::Part> part;
  if (subject.elements_of_part > 0) part = {subject.part_name, record[4] / subject.elements_of_part};
  throw NonFiniteError(subject.what, subject.layer, part, record[1]);
}

}  // namespace divvy
