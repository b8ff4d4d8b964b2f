#include "moe/model/class_lists.h"

#include <algorithm>
#include <charconv>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

void require_class(int64_t label, int64_t classes) {
  if (label < 0 || label >= classes) fail<ValueError>("class {} of class lists is outside [0, {})", label, classes);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

ClassLists random_lists(int64_t experts, int64_t classes, Generator& generator) {
  ClassLists lists(static_cast<size_t>(experts));
  const Tensor order = generator.permutation(classes);
  for (int64_t i = 0; i < classes; ++i) lists[static_cast<size_t>(i % experts)].push_back(order.data<int64_t>()[i]);
  for (auto& list : lists) std::ranges::sort(list);
  return lists;
}

ClassLists written_lists(const std::string& text) {
  ClassLists lists;
  for (const std::string& part : split(text, '|')) {
    auto& list = lists.emplace_back();
    for (const std::string& number : split(part, ',')) {
      int64_t label = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), label);
      if (error != std::errc() || end != number.data() + number.size()) {
        fail<ValueError>(
            "class lists '{}': '{}' is no class; write them as 0,1|2,3, or name a known division, or 'random'", text,
            number);
      }
      list.push_back(label);
    }
  }
  return lists;
}

}  // namespace

ClassLists parse_class_lists(const std::string& text, int64_t experts, int64_t classes, Generator& generator) {
  ClassLists lists;
  if (const NamedClassLists* known = named_class_lists().find(text)) {
    lists = known->lists;
  } else if (text == "random") {
    if (experts < 1 || experts > classes)
      fail<ValueError>("{} classes cannot be divided among {} experts", classes, experts);
    lists = random_lists(experts, classes, generator);
  } else {
    lists = written_lists(text);
  }
  if (static_cast<int64_t>(lists.size()) != experts) {
    fail<ValueError>("class lists '{}' are for {} experts, the model has {}", text, lists.size(), experts);
  }
  for (const auto& list : lists) {
    for (int64_t label : list) {
      require_class(label, classes);
      if (std::ranges::count(list, label) > 1) {
        fail<ValueError>("class lists '{}' have class {} twice in one list", text, label);
      }
    }
  }
  return lists;
}

std::string to_string(const ClassLists& lists) {
  std::string text;
  for (size_t e = 0; e < lists.size(); ++e) {
    text += e == 0 ? "" : "|";
    for (size_t i = 0; i < lists[e].size(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ",", lists[e][i]);
  }
  return text;
}

Tensor experts_of_labels(const ClassLists& lists, const Tensor& labels) {
  std::vector<std::vector<int64_t>> owners;
  for (size_t e = 0; e < lists.size(); ++e) {
    for (int64_t label : lists[e]) {
      if (label < 0) fail<ValueError>("class lists: class {}", label);
      if (static_cast<size_t>(label) >= owners.size()) owners.resize(static_cast<size_t>(label) + 1);
      owners[static_cast<size_t>(label)].push_back(static_cast<int64_t>(e));
    }
  }
  size_t most = 1;
  for (const auto& owner : owners) most = std::max(most, owner.size());
  const auto k = static_cast<int64_t>(most);
  Tensor result = Tensor::full({labels.numel(), k}, -1, DType::i64);
  auto* chosen = result.mutable_data<int64_t>();
  const Tensor on_host = labels.to(Device::cpu());
  const auto label = on_host.values<int64_t>();
  for (size_t b = 0; b < label.size(); ++b) {
    const auto c = static_cast<size_t>(label[b]);
    if (label[b] < 0 || c >= owners.size() || owners[c].empty()) {
      fail<ValueError>("class {} is in none of the class lists {}", label[b], to_string(lists));
    }
    std::ranges::copy(owners[c], chosen + static_cast<int64_t>(b) * k);
  }
  return result.to(labels.device());
}

Tensor class_slots(const ClassLists& lists, int64_t classes) {
  const int64_t width = widest(lists);
  Tensor result = Tensor::full({classes}, -1, DType::i64);
  auto* slot = result.mutable_data<int64_t>();
  for (size_t e = 0; e < lists.size(); ++e) {
    for (size_t i = 0; i < lists[e].size(); ++i) {
      const int64_t label = lists[e][i];
      require_class(label, classes);
      if (slot[label] >= 0) fail<ValueError>("class {} is in two of the class lists {}", label, to_string(lists));
      slot[label] = static_cast<int64_t>(e) * width + static_cast<int64_t>(i);
    }
  }
  for (int64_t c = 0; c < classes; ++c) {
    if (slot[c] < 0) fail<ValueError>("class {} is in none of the class lists {}", c, to_string(lists));
  }
  return result;
}

Tensor expert_slots(const ClassLists& lists, int64_t classes) {
  const auto experts = static_cast<int64_t>(lists.size());
  Tensor result = Tensor::full({experts, classes}, -1, DType::i64);
  auto* slot = result.mutable_data<int64_t>();
  for (size_t e = 0; e < lists.size(); ++e) {
    for (size_t i = 0; i < lists[e].size(); ++i) {
      require_class(lists[e][i], classes);
      slot[static_cast<int64_t>(e) * classes + lists[e][i]] = static_cast<int64_t>(i);
    }
  }
  return result;
}

int64_t widest(const ClassLists& lists) {
  size_t width = 0;
  for (const auto& list : lists) width = std::max(width, list.size());
  return static_cast<int64_t>(width);
}

}  // namespace divvy::moe
