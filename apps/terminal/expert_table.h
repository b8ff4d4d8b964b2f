#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moe/analysis/analysis.h"

namespace divvy::app {

/// A table for a terminal with a row for each expert: samples selected, mean gate probability, accuracy or squared
/// error on its own samples, weighted by the gate, and on all samples. Columns without any figure are left out; "-"
/// stands for a single absent figure.
std::string expert_text(const std::vector<moe::ExpertReport>& reports);

/// The same as an array of objects with units in the keys and figures in full precision; absent figures are left out.
nlohmann::ordered_json expert_json(const std::vector<moe::ExpertReport>& reports);

}  // namespace divvy::app
