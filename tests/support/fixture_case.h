#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "kernels/segments.h"

/// Operations against the values and gradients that PyTorch gave, kept in the files of tests/fixtures/operations. What
/// a file has for each case is said in tests/fixtures/make_operation_fixtures.py, which wrote it.
namespace divvy::test {

/// One run of a case, in one type and on one device: hands out its inputs and takes the results that it has beside y.
class FixtureRun {
 public:
  using Tensors = std::map<std::string, Tensor>;

  FixtureRun(const Tensors& tensors, std::set<std::string> learning, DType dtype, Device device)
      : tensors_(tensors), learning_(std::move(learning)), dtype_(dtype), device_(device) {}

  /// An input, as the same variable each time; it requires a gradient if this run wants it.
  Variable operator[](const std::string& key);
  /// An input without a gradient: floats, in the type of the run, as a fresh copy; anything else as it is.
  Tensor tensor(const std::string& key);
  /// The inputs "offsets" and "sample", where the case has them.
  Segments segments();
  /// A result beside y: compared with what the case has under `key`.
  void result(const std::string& key, const Tensor& value) { results_.insert_or_assign(key, value); }

  const std::map<std::string, Variable>& variables() const { return variables_; }
  const Tensors& results() const { return results_; }
  /// The inputs that were asked for.
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
  std::string name;  ///< of the case, as "softmax/temperature_2"
  std::function<Variable(FixtureRun&)> call;
};

/// Runs every case of a file: y and further results against the file's, then the gradients by all inputs at once, and
/// by each alone, since operations save less then. f64 at rtol 1e-10 and atol 1e-12; f32 at rtol 1.3e-6 and atol 1e-5,
/// its gradients at ten times that. A case without a test, a test without a case, and a tensor that no test uses are
/// failures.
void check_fixtures(const std::string& file, const std::vector<FixtureTest>& tests);

}  // namespace divvy::test
