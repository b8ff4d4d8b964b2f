#pragma once

#include "autograd/node.h"
#include "kernels/segments.h"

namespace divvy {

/// The segments of an operation, kept for its backward.
class SavedSegments {
 public:
  explicit SavedSegments(const Segments& segments) : offsets_(segments.offsets), sample_(segments.sample) {}
  Segments get() const { return {offsets_.get(), sample_.get()}; }

 private:
  Saved offsets_, sample_;
};

}  // namespace divvy
