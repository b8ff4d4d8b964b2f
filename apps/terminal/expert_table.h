#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moe/analysis/analysis.h"

namespace divvy::app {

/// A row an expert for a terminal: samples selected, mean gate probability, accuracy or squared error on its own
/// samples, weighted by the gate, and on all samples. Columns that no expert has figures for are left out; "-" stands
/// for a single figure that is absent.
std::string expert_text(const std::vector<moe::ExpertReport>& reports);

/// The same as an array of objects with units in the keys, every figure with all digits; absent figures are left out.
nlohmann::ordered_json expert_json(const std::vector<moe::ExpertReport>& reports);

}  // namespace divvy::app
