#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/generator.h"
#include "tensor/registry.h"
#include "tensor/tensor.h"

namespace divvy::moe {

/// Which classes each expert is there for: lists[e] are the classes of expert e.
using ClassLists = std::vector<std::vector<int64_t>>;

/// A division of classes that a published experiment used.
struct NamedClassLists {
  std::string name;
  std::string data;  ///< the data set
  ClassLists lists;
};

/// All of them: "mnist-1" to "mnist-10", "fashion-mnist-1", ..., "cifar100-superclasses". A program can add its own.
Registry<NamedClassLists>& named_class_lists();

/// Lists from text: a name of the table, "random" (each class to one expert, in groups as equal as can be, drawn from
/// the generator), or the lists themselves, as in "0,1|2,5|3,4". Throws ValueError for text that is none of these, a
/// class outside [0, classes) or a number of lists that is not `experts`.
ClassLists parse_class_lists(const std::string& text, int64_t experts, int64_t classes, Generator& generator);

/// "0,1|2,5|3,4".
std::string to_string(const ClassLists& lists);

/// i64 [n, k], the experts whose lists have the label of each sample, -1 where there are fewer than k; k is the largest
/// number of lists that share a class. labels: i64 [n], copied to the host where they are on a device. Throws
/// ValueError for a label that no list has.
Tensor experts_of_labels(const ClassLists& lists, const Tensor& labels);

/// i64 [C]: where in E outputs of width W side by side each class stands, when expert e gives its classes in the order
/// of its list. Throws ValueError unless each of the classes [0, classes) is in exactly one list.
Tensor class_slots(const ClassLists& lists, int64_t classes);

/// i64 [E, C]: the place of class c in the list of expert e, or -1.
Tensor expert_slots(const ClassLists& lists, int64_t classes);

/// The length of the longest list.
int64_t widest(const ClassLists& lists);

}  // namespace divvy::moe
