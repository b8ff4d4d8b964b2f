#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/generator.h"
#include "tensor/registry.h"
#include "tensor/tensor.h"

namespace divvy::moe {

/// The classes assigned to each expert: lists[e] are those of expert e.
using ClassLists = std::vector<std::vector<int64_t>>;

/// A named division of classes from a published experiment.
struct NamedClassLists {
  std::string name;
  std::string data;  ///< the data set
  ClassLists lists;
};

/// All named divisions: "mnist-1" to "mnist-10", "fashion-mnist-1", ..., "cifar100-superclasses". A program can add its
/// own.
Registry<NamedClassLists>& named_class_lists();

/// Parses class lists: the name of a division, "random" (each class is assigned to one expert at random, in groups of
/// nearly equal size), or the lists themselves, as in "0,1|2,5|3,4". Throws ValueError for other text, a class outside
/// [0, classes), a class that is twice in a list, or a number of lists other than `experts`.
ClassLists parse_class_lists(const std::string& text, int64_t experts, int64_t classes, Generator& generator);

/// The lists as text: "0,1|2,5|3,4".
std::string to_string(const ClassLists& lists);

/// i64 [n, k]: the experts whose lists contain the label of each sample, padded with -1; k is the largest number of
/// lists that share a class. labels: i64 [n], on any device; the host reads them. Throws ValueError for a label in none
/// of the lists.
Tensor experts_of_labels(const ClassLists& lists, const Tensor& labels);

/// i64 [C]: the index of each class in the concatenation of E outputs of width W, if expert e outputs its classes in
/// the order of its list. Throws ValueError unless each of the classes [0, classes) is in exactly one list.
Tensor class_slots(const ClassLists& lists, int64_t classes);

/// i64 [E, C]: the index of class c in the list of expert e, or -1.
Tensor expert_slots(const ClassLists& lists, int64_t classes);

/// The length of the longest list.
int64_t widest(const ClassLists& lists);

}  // namespace divvy::moe
