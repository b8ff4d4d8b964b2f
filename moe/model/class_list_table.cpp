#include "moe/model/class_lists.h"

namespace divvy::moe {

namespace {

std::vector<NamedClassLists> published_divisions() {
  return {
      {"mnist-1", "mnist", {{0, 1}, {2, 5}, {3, 4}, {6, 9}, {7, 8}}},
      {"mnist-2", "mnist", {{0, 9}, {1, 4}, {2, 7}, {3, 6}, {5, 8}}},
      {"mnist-3", "mnist", {{0, 3}, {1, 2}, {4, 7}, {6, 8}, {5, 9}}},
      {"mnist-4", "mnist", {{0, 5}, {1, 9}, {2, 6}, {3, 7}, {4, 8}}},
      {"mnist-5", "mnist", {{0, 4}, {1, 8}, {2, 9}, {3, 6}, {5, 7}}},
      {"mnist-6", "mnist", {{0, 7}, {1, 9}, {2, 4}, {3, 8}, {5, 6}}},
      {"mnist-7", "mnist", {{4, 6}, {1, 7}, {2, 9}, {3, 8}, {0, 5}}},
      {"mnist-8", "mnist", {{4, 7}, {0, 6}, {3, 8}, {1, 2}, {5, 9}}},
      {"mnist-9", "mnist", {{5, 8}, {6, 9}, {1, 3}, {0, 2}, {4, 7}}},
      {"mnist-10", "mnist", {{2, 8}, {3, 6}, {0, 5}, {4, 7}, {1, 9}}},
      {"fashion-mnist-1", "fashion-mnist", {{1, 8}, {0, 6}, {4, 9}, {5, 7}, {2, 3}}},
      {"fashion-mnist-2", "fashion-mnist", {{3, 5}, {1, 4}, {0, 6}, {8, 9}, {2, 7}}},
      {"fashion-mnist-3", "fashion-mnist", {{2, 9}, {3, 4}, {7, 8}, {0, 5}, {1, 6}}},
      {"fashion-mnist-4", "fashion-mnist", {{0, 2}, {7, 9}, {3, 6}, {5, 8}, {1, 4}}},
      {"fashion-mnist-5", "fashion-mnist", {{2, 5}, {4, 6}, {0, 9}, {3, 8}, {1, 7}}},
      {"fashion-mnist-and-mnist-1", "fashion-mnist-and-mnist", {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8, 9}, {10, 11}}},
      {"fashion-mnist-and-mnist-2", "fashion-mnist-and-mnist", {{0, 3}, {1, 4}, {2, 5}, {6, 9}, {7, 11}, {8, 10}}},
      {"fashion-mnist-and-mnist-3", "fashion-mnist-and-mnist", {{0, 5}, {1, 2}, {3, 4}, {6, 8}, {7, 10}, {9, 11}}},
      {"cifar100-superclasses",
       "cifar100",
       {{4, 30, 55, 72, 95},  {1, 32, 67, 73, 91},  {54, 62, 70, 82, 92}, {9, 10, 16, 28, 61},  {0, 51, 53, 57, 83},
        {22, 39, 40, 86, 87}, {5, 20, 25, 84, 94},  {6, 7, 14, 18, 24},   {3, 42, 43, 88, 97},  {12, 17, 37, 68, 76},
        {23, 33, 49, 60, 71}, {15, 19, 21, 31, 38}, {34, 63, 64, 66, 75}, {26, 45, 77, 79, 99}, {2, 11, 35, 46, 98},
        {27, 29, 44, 78, 93}, {36, 50, 65, 74, 80}, {47, 52, 56, 59, 96}, {8, 13, 48, 58, 90},  {41, 69, 81, 85, 89}}},
  };
}

}  // namespace

Registry<NamedClassLists>& named_class_lists() {
  static Registry<NamedClassLists> all("division of classes", published_divisions());
  return all;
}

}  // namespace divvy::moe
