#include <algorithm>

#include "nn/module.h"
#include "tensor/text.h"

namespace divvy::nn {

std::string Module::summary() const {
  std::vector<std::vector<std::string>> lines;
  int64_t trainable = 0;
  std::vector<Variable> seen;
  for (const auto& [path, part] : named_modules()) {
    const bool container = part->parameters_.empty() && !part->children_.empty();
    if (container && path.empty()) continue;
    std::vector<std::string> line{path.empty() ? "-" : path, part->describe(), "", ""};
    for (const auto& [name, parameter] : part->parameters_) {
      const auto same = [&v = parameter](const Variable& other) { return other.is(v); };
      const bool shared = std::any_of(seen.begin(), seen.end(), same);
      line[2] = name + " " + parameter.shape().to_string();
      if (shared) {
        line[2] += " (shared)";
      } else {
        seen.push_back(parameter);
        line[3] = grouped(parameter.value().numel());
        if (parameter.requires_grad()) {
          trainable += parameter.value().numel();
        } else {
          line[2] += " (frozen)";
        }
      }
      lines.push_back(line);
      line.assign(4, "");
    }
    if (part->parameters_.empty()) lines.push_back(line);
  }
  const int64_t total = parameter_count();
  lines.push_back({"total", "", "", grouped(total)});
  if (trainable != total) lines.push_back({"of these learn", "", "", grouped(trainable)});
  return text_table({"layer", "kind", "parameter", "count"}, lines, {.rule = false});
}

}  // namespace divvy::nn
