#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "kernels/segments.h"

/// Tests of operations against values and gradients of PyTorch, stored in tests/fixtures/operations. The script that
/// wrote the files, tests/fixtures/make_operation_fixtures.py, describes their contents.
namespace divvy::test {

/// One run of a case with one type on one device: provides the inputs and receives results other than y.
class FixtureRun {
 public:
  using Tensors = std::map<std::string, Tensor>;

  FixtureRun(const Tensors& tensors, std::set<std::string> learning, DType dtype, Device device)
      : tensors_(tensors), learning_(std::move(learning)), dtype_(dtype), device_(device) {}

  /// An input, as the same variable in each call; it requires a gradient if this run computes that.
  Variable operator[](const std::string& key);
  /// An input without a gradient: a new copy in the type of the run if it is floating-point, else unchanged.
  Tensor tensor(const std::string& key);
  /// The segments of the inputs "offsets" and "sample", if the case has them.
  Segments segments();
  /// Sets a result other than y, which is compared with the tensor `key` of the case.
  void result(const std::string& key, const Tensor& value) { results_.insert_or_assign(key, value); }

  const std::map<std::string, Variable>& variables() const { return variables_; }
  const Tensors& results() const { return results_; }
  /// The names of the inputs read so far.
  const std::set<std::string>& used() const { return used_; }

 private:
  const Tensor& stored(const std::string& key);

  const Tensors& tensors_;
  std::set<std::string> learning_;
  DType dtype_;
  Device device_;
  std::map<std::string, Variable> variables_;
  Tensors results_;
  std::set<std::string> used_;
};

struct FixtureTest {
  std::string name;  ///< name of the case, such as "softmax/temperature_2"
  std::function<Variable(FixtureRun&)> call;
};

/// Runs every case of a file and compares y and further results with the file's, then the gradients with respect to all
/// inputs at once and to each alone, for which operations save less. Tolerances: rtol 1e-10 and atol 1e-12 in f64; rtol
/// 1.3e-6 and atol 1e-5 in f32, ten times that for gradients. A case without a test, a test without a case, and a
/// tensor that no test uses are failures.
void check_fixtures(const std::string& file, const std::vector<FixtureTest>& tests);

}  // namespace divvy::test
