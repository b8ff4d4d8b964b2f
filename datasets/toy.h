#pragma once

#include <array>
#include <cstdint>

#include "datasets/dataset.h"
#include "tensor/generator.h"

/// Small sets of points, f32 [N, 2] unless stated otherwise, that show how a gate divides a task. They are generated
/// like those of the published studies of gated modular networks, but from other random numbers, since the studies used
/// numpy's generators. Each function throws ValueError for an invalid count.
namespace divvy::data {

/// Clusters: 1,000 candidates are spread evenly over the unit disc; the first center is one of them, and each further
/// one is drawn with probability proportional to d^4, where d is the distance to the nearest center so far (so centers
/// are far apart). Class c is normal around center c with the variance 0.06 * (squared distance to the nearest other
/// center) in every direction. Then x becomes (x + 1) / 2. Classes differ by at most one point in size. Needs 1 <=
/// classes <= 1000.
Dataset multi_class(Generator& generator, int64_t count = 3000, int64_t classes = 6);

/// Points uniform in [-1, 1]^2 in two classes by pattern: 0: inside the circle r^2 < 0.66 or not; 1: a board of 3 x 2
/// fields; 2: a board of 4 x 4 fields. Throws ValueError for another pattern.
Dataset checker_board(Generator& generator, int64_t count = 3000, int pattern = 2);

/// The board of 4 x 4 fields with each quadrant rotated about its lower left corner by its own angle (30, 45, 60 and
/// 120 degrees: lower left, upper left, lower right, upper right) and then rescaled to the bounds of the quadrant.
Dataset checker_board_rotated(Generator& generator, int64_t count = 3000);

struct CirclesOptions {
  double factor = 0.5;  ///< radius of the inner circle; that of the outer one is 1
  double noise = 0.11;  ///< standard deviation, in both directions
};

/// Two circles around the origin, points at equal angles, with noise; then each column is standardized. Class 0 is the
/// outer circle, class 1 the inner one. Throws ValueError unless 0 <= factor < 1 and noise >= 0.
Dataset con_circles(Generator& generator, int64_t count = 3000, const CirclesOptions& options = {});

/// Normal points, of which the first third is shifted by (-3, -3) and the second by (3, 3): these two are class 1, the
/// rest between them is class 0. (A well-known script fails to shift the first point of the second third; here it is
/// shifted.)
Dataset non_linear(Generator& generator, int64_t count = 3000);

struct BarberOptions {
  int64_t count = 1040;
  double separation = 2.5;                           ///< s: the classes have their centers at corners (+-s, +-s)
  double rotation = 0.985897;                        ///< radians: cos 0.5521, sin 0.8337
  std::array<double, 2> stretch = {0.5538, 0.0593};  ///< scale of the two axes
};

/// A regression that two linear experts can divide, after Barber: two classes of points, each normal, transformed by a
/// random matrix with entries in [-1, 1) and centered at its own corner of the square; target f32 [N, 2] = R x for
/// class 0 and S x for class 1, with R a rotation and S = diag(stretch). y is the class, for analysis; a model learns
/// the target. Throws ValueError for settings that are not finite.
Dataset barber_regression(Generator& generator, const BarberOptions& options = {});

/// A curve: x f32 [N, 1] in [0, 1), target f32 [N, 1] = (sin 3x + sin 5x + sin 7x + sin 13x + sin 23x) / 5 + noise.
/// There are no labels. Throws ValueError unless noise >= 0.
Dataset sin_data(Generator& generator, int64_t count = 50, double noise = 0.05);

}  // namespace divvy::data
