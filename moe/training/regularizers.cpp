#include "moe/training/regularizers.h"

#include <algorithm>

namespace divvy::moe {

// Each is defined in the file of its name in moe/training/regularizers/.
RegularizerKind importance();
RegularizerKind similarity_same();
RegularizerKind similarity_different();
RegularizerKind class_balance();
RegularizerKind orthogonality();
RegularizerKind ideal_gate();
RegularizerKind gate_regression();

Registry<RegularizerKind>& regularizers() {
  static Registry<RegularizerKind> all(
      "regularizer", {importance(), similarity_same(), similarity_different(), class_balance(), orthogonality(),
                      ideal_gate(), gate_regression()});
  return all;
}

std::string RegularizerKind::option() const {
  std::string text = "--" + name;
  std::ranges::replace(text, '_', '-');
  return text;
}

}  // namespace divvy::moe
