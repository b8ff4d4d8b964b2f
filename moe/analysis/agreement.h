#pragma once

#include <cstdint>
#include <vector>

#include "moe/analysis/mutual_information.h"
#include "moe/analysis/record.h"
#include "moe/analysis/statistics.h"

/// Whether two runs, or two moments of one run, divide a task alike. Experts have no names that mean the same in two
/// runs, so runs are compared up to an exchange of experts; moments of one run are compared as they are.
namespace divvy::moe {

/// counts[i][j]: samples that expert i of `a` and expert j of `b` were selected for; samples that either gave to no
/// expert are left out. Throws ValueError where the records are not of the same samples, as far as their number and
/// their labels tell.
Counts expert_pairs(const Record& a, const Record& b);

/// Agreement of two partitions beyond chance (Hubert and Arabie 1985, "Comparing partitions"): 1 for the same partition
/// whatever its parts are called, 0 on average for unrelated ones, and it can fall below 0. Where both partitions have
/// one part, or only parts of one sample, they are the same: 1. Throws ValueError as mutual_information().
double adjusted_rand_index(const Counts& counts);

/// The partners[i] = j, each j at most once, with the greatest sum of counts[i][partners[i]]; -1 for rows that are left
/// over where there are more rows than columns. Of several best ones always the same. By the Hungarian method, in
/// O(rows^2 columns). Throws ValueError for no rows, no columns or rows of unlike length.
std::vector<int64_t> best_partners(const Counts& counts);

struct RoutingAgreement {
  double adjusted_rand_index = 0;
  double normalized_information = 0;  ///< 2 I / (H_a + H_b), see MutualInformation
  double matched_share = 0;           ///< share of samples that partners were selected for
  std::vector<int64_t> partners;      ///< the expert of `b` that does what expert i of `a` does, or -1
};
RoutingAgreement routing_agreement(const Record& a, const Record& b);

/// How alike runs with different seeds divide the samples: the adjusted Rand index over all pairs of runs. Throws
/// ValueError for fewer than two runs.
Summary routing_stability(const std::vector<Record>& runs);

/// Share of the samples whose selected expert is another one in `later` than in `earlier`: of one run, epoch by epoch;
/// near 0 where routing has settled. Throws as expert_pairs(), and where the numbers of experts differ.
double switch_rate(const Record& earlier, const Record& later);

}  // namespace divvy::moe
