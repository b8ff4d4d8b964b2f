#include "autograd/ops/broadcast.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/index_select.h"
#include "autograd/ops/pairwise_distance.h"
#include "autograd/ops/pick.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/top_k.h"
#include "tests/support/catch.h"
#include "tests/support/fixture_case.h"

namespace divvy::test {

namespace {

FixtureTest concat_test(const char* name, int axis) {
  return {name, [axis](FixtureRun& in) { return concat({in["a"], in["b"], in["c"]}, axis); }};
}

FixtureTest select_test(const char* name, int axis) {
  return {name, [axis](FixtureRun& in) { return index_select(in["x"], axis, in.tensor("index")); }};
}

FixtureTest scatter_test(const char* name, int64_t rows) {
  return {name, [rows](FixtureRun& in) { return scatter_add_rows(in["x"], in.tensor("index"), rows); }};
}

FixtureTest gather_last_test(const char* name) {
  return {name, [](FixtureRun& in) { return gather_last(in["x"], in.tensor("index")); }};
}

FixtureTest top_k_test(const char* name, int64_t k) {
  return {name, [k](FixtureRun& in) {
            const TopK top = top_k(in["x"], k);
            in.result("indices", top.indices);
            return top.values;
          }};
}

FixtureTest distance_test(const char* name) {
  return {name, [](FixtureRun& in) { return pairwise_distance(in["x"]); }};
}

}  // namespace

TEST_CASE("operations that move, choose and compare elements agree with PyTorch", "[pytorch]") {
  check_fixtures("movement",
                 {
                     {"broadcast_to/front",
                      [](FixtureRun& in) {
                        return broadcast_to(in["x"], {2, 3, 4});
                      }},
                     {"broadcast_to/inside",
                      [](FixtureRun& in) {
                        return broadcast_to(in["x"], {2, 5, 3});
                      }},
                     {"broadcast_to/scalar",
                      [](FixtureRun& in) {
                        return broadcast_to(in["x"], {3, 2});
                      }},
                     {"reshape/inferred",
                      [](FixtureRun& in) {
                        return reshape(in["x"], {4, -1});
                      }},
                     {"flatten/images", [](FixtureRun& in) { return flatten(in["x"]); }},
                     {"slice/middle", [](FixtureRun& in) { return slice(in["x"], 1, 4); }},
                     {"permute/rotate",
                      [](FixtureRun& in) {
                        return permute(in["x"], {1, 2, 0});
                      }},
                     {"permute/images",
                      [](FixtureRun& in) {
                        return permute(in["x"], {0, 2, 3, 1});
                      }},
                     {"permute/negative",
                      [](FixtureRun& in) {
                        return permute(in["x"], {-1, 0, -2});
                      }},
                     {"transpose/matrices", [](FixtureRun& in) { return transpose(in["x"]); }},
                     concat_test("concat/rows", 0),
                     concat_test("concat/last", -1),
                     concat_test("concat/channels", 1),
                     {"concat/itself",
                      [](FixtureRun& in) {
                        return concat({in["x"], in["x"]}, 1);
                      }},
                     select_test("index_select/rows", 0),
                     select_test("index_select/middle", 1),
                     select_test("index_select/last", -1),
                     {"gather_rows/repeated", [](FixtureRun& in) { return gather_rows(in["x"], in.tensor("index")); }},
                     scatter_test("scatter_add_rows/repeated", 5),
                     scatter_test("scatter_add_rows/images", 3),
                     {"pick/labels", [](FixtureRun& in) { return pick(in["x"], in.tensor("index")); }},
                     {"pick/matrices", [](FixtureRun& in) { return pick(in["x"], in.tensor("index")); }},
                     gather_last_test("gather_last/repeated"),
                     gather_last_test("gather_last/matrices"),
                     top_k_test("top_k/k_1", 1),
                     top_k_test("top_k/k_3", 3),
                     top_k_test("top_k/k_7", 7),
                     top_k_test("top_k/matrices", 2),
                     distance_test("pairwise_distance/rows"),
                     distance_test("pairwise_distance/images"),
                     distance_test("pairwise_distance/equal_rows"),
                 });
}

}  // namespace divvy::test
