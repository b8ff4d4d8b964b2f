#include "autograd/ops/batch_norm.h"
#include "autograd/ops/combine.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/grouped_matmul.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pool2d.h"
#include "tests/support/catch.h"
#include "tests/support/fixture_case.h"

namespace divvy::test {

namespace {

void add_matmul(std::vector<FixtureTest>& tests) {
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      for (const char* stack : {"", "_stack"}) {
        tests.push_back({fmt::format("matmul/{}{}{}", a ? 't' : 'n', b ? 't' : 'n', stack), [a, b](FixtureRun& in) {
                           return matmul(in["a"], in["b"], {.transpose_a = a, .transpose_b = b});
                         }});
      }
    }
  }
  tests.push_back({"matmul/itself", [](FixtureRun& in) { return matmul(in["x"], in["x"], {.transpose_b = true}); }});
  tests.push_back({"matmul/larger", [](FixtureRun& in) { return matmul(in["a"], in["b"]); }});
}

void add_grouped_matmul(std::vector<FixtureTest>& tests) {
  for (const char* label : {"plain", "plain_sample", "stacked", "stacked_sample", "larger"}) {
    tests.push_back({fmt::format("grouped_matmul/{}", label),
                     [](FixtureRun& in) { return grouped_matmul(in["x"], in["weight"], in["bias"], in.segments()); }});
  }
  for (const char* label : {"no_bias", "stacked_no_bias"}) {
    tests.push_back({fmt::format("grouped_matmul/{}", label),
                     [](FixtureRun& in) { return grouped_matmul(in["x"], in["weight"], {}, in.segments()); }});
  }
}

void add_conv2d(std::vector<FixtureTest>& tests) {
  const std::pair<const char*, Conv2dGeometry> geometries[] = {{"plain", {}},
                                                               {"one_by_one", {}},
                                                               {"padding_1", {.padding = 1}},
                                                               {"stride_2", {.stride = 2}},
                                                               {"stride_2_padding_1", {.stride = 2, .padding = 1}},
                                                               {"stride_3_padding_2", {.stride = 3, .padding = 2}},
                                                               {"oblong", {.padding = 1}},
                                                               {"groups_2", {.padding = 1, .groups = 2}},
                                                               {"depthwise", {.stride = 2, .padding = 1, .groups = 3}},
                                                               {"plain_sample", {.padding = 1}},
                                                               {"stacked", {}},
                                                               {"stacked_sample", {.stride = 2, .padding = 1}},
                                                               {"stacked_groups", {.padding = 1, .groups = 2}}};
  for (const auto& [label, geometry] : geometries) {
    tests.push_back({fmt::format("conv2d/{}", label), [geometry = geometry](FixtureRun& in) {
                       return conv2d(in["x"], in["weight"], in["bias"], geometry, in.segments());
                     }});
  }
  tests.push_back({"conv2d/no_bias", [](FixtureRun& in) { return conv2d(in["x"], in["weight"], {}); }});
}

void add_pools(std::vector<FixtureTest>& tests) {
  using Pool = Variable (*)(const Variable&, int64_t, int64_t);
  const std::tuple<const char*, Pool, int64_t, int64_t> windows[] = {
      {"max_pool2d/kernel_2", max_pool2d, 2, 0},          {"max_pool2d/kernel_3_stride_2", max_pool2d, 3, 2},
      {"max_pool2d/kernel_2_stride_3", max_pool2d, 2, 3}, {"max_pool2d/ties", max_pool2d, 2, 1},
      {"avg_pool2d/kernel_2", avg_pool2d, 2, 0},          {"avg_pool2d/kernel_3_stride_2", avg_pool2d, 3, 2}};
  for (const auto& [name, pool, kernel, stride] : windows) {
    tests.push_back({name, [pool = pool, kernel = kernel, stride = stride](FixtureRun& in) {
                       return pool(in["x"], kernel, stride);
                     }});
  }
  tests.push_back({"global_avg_pool2d/images", [](FixtureRun& in) { return global_avg_pool2d(in["x"]); }});
}

Variable normalized(FixtureRun& in, bool training, double momentum, double eps) {
  BatchNormStatistics running{in.tensor("mean"), in.tensor("var")};
  const Variable y = batch_norm(in["x"], in["gamma"], in["beta"], running, training, momentum, eps, in.segments());
  in.result("new_mean", running.mean);
  in.result("new_var", running.var);
  return y;
}

void add_batch_norm(std::vector<FixtureTest>& tests) {
  for (const bool training : {true, false}) {
    for (const char* shape : {"rows", "images"}) {
      const char* stage = training ? "training" : "evaluation";
      tests.push_back({fmt::format("batch_norm/{}_{}", shape, stage),
                       [training](FixtureRun& in) { return normalized(in, training, 0.1, 1e-5); }});
      tests.push_back({fmt::format("batch_norm/stacked_{}_{}", shape, stage),
                       [training](FixtureRun& in) { return normalized(in, training, 0.3, 1e-3); }});
    }
  }
}

}  // namespace

TEST_CASE("products, convolutions, pools and normalization agree with PyTorch", "[pytorch]") {
  std::vector<FixtureTest> tests;
  add_matmul(tests);
  add_grouped_matmul(tests);
  add_conv2d(tests);
  add_pools(tests);
  add_batch_norm(tests);
  for (const char* name : {"combine/top_2", "combine/dropped"}) {
    tests.push_back({name, [](FixtureRun& in) { return combine(in["rows"], in["weights"], in.tensor("position")); }});
  }
  check_fixtures("products", tests);
}

}  // namespace divvy::test
