#pragma once

#include <cstdint>
#include <vector>

#include "moe/analysis/mutual_information.h"
#include "moe/analysis/record.h"
#include "moe/analysis/statistics.h"

/// Measures of how similarly two runs, or two epochs of one run, divide a task. The numbering of experts differs
/// between runs, so runs are compared up to a permutation of experts; epochs of one run are compared directly.
namespace divvy::moe {

/// counts[i][j]: the number of samples for which expert i of `a` and expert j of `b` were selected; samples without an
/// expert in either record are left out. Throws ValueError if the records differ in the number or the labels of their
/// samples.
Counts expert_pairs(const Record& a, const Record& b);

/// Agreement of two partitions beyond chance (Hubert and Arabie 1985, "Comparing partitions"): 1 for equal partitions
/// up to renaming, 0 on average for unrelated ones; it can be negative. It is 1 if both partitions have a single part,
/// or only parts of one sample. Throws ValueError as mutual_information() does.
double adjusted_rand_index(const Counts& counts);

/// The assignment partners[i] = j, with each j at most once, that maximizes the sum of counts[i][partners[i]]; -1 for
/// rows left over if there are more rows than columns. It is deterministic if several are optimal. Uses the Hungarian
/// method, in O(rows^2 columns). Throws ValueError if there are no rows or no columns, or if rows differ in length.
std::vector<int64_t> best_partners(const Counts& counts);

struct RoutingAgreement {
  double adjusted_rand_index = 0;
  double normalized_information = 0;  ///< 2 I / (H_a + H_b), see MutualInformation
  double matched_share = 0;           ///< share of samples for which partners were selected
  std::vector<int64_t> partners;      ///< the expert of `b` matched with expert i of `a`, or -1
};
RoutingAgreement routing_agreement(const Record& a, const Record& b);

/// How similarly runs with different seeds divide the samples: the adjusted Rand index over all pairs of runs. Throws
/// ValueError for fewer than two runs.
Summary routing_stability(const std::vector<Record>& runs);

/// The share of samples whose selected expert in `later` differs from that in `earlier`, for two epochs of one run;
/// near 0 once routing has converged. Throws as expert_pairs() does, and ValueError if the numbers of experts differ.
double switch_rate(const Record& earlier, const Record& later);

}  // namespace divvy::moe
