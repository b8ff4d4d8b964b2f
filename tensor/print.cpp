#include "tensor/print.h"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "tensor/error.h"

namespace divvy {

namespace {

constexpr int64_t kGap = -1;

/// The entries of an axis that are shown, with kGap in place of those left out.
std::vector<int64_t> shown_entries(int64_t size, int64_t edge) {
  std::vector<int64_t> entries;
  for (int64_t i = 0; i < size; ++i) {
    if (edge > 0 && i == edge && size - edge > edge) {
      entries.push_back(kGap);
      i = size - edge;
    }
    entries.push_back(i);
  }
  return entries;
}

/// Appends the numbers of all elements shown, in row-major order.
void collect(const Shape& shape, int axis, int64_t index, int64_t edge, std::vector<int64_t>& indices) {
  if (axis == shape.rank()) {
    indices.push_back(index);
    return;
  }
  for (const int64_t entry : shown_entries(shape[axis], edge)) {
    if (entry != kGap) collect(shape, axis + 1, index * shape[axis] + entry, edge, indices);
  }
}

/// The number of entries at each end of an axis that keeps the elements shown within the limit if possible; 0 shows
/// all.
int64_t choose_edge(const Shape& shape, const PrintOptions& options) {
  if (shape.numel() <= options.max_elements) return 0;
  const auto shown = [&](int64_t edge) {
    double count = 1;
    for (const int64_t size : shape) count *= static_cast<double>(std::min(size, 2 * edge));
    return count;
  };
  int64_t edge = std::clamp<int64_t>(options.max_elements, 1, options.edge_items);
  while (edge > 1 && shown(edge) > static_cast<double>(options.max_elements)) --edge;
  return edge;
}

double to_double(double value) { return value; }
double to_double(bf16 value) { return static_cast<float>(value); }

int decimals_needed(double value, int precision) {
  if (!std::isfinite(value)) return 0;
  const std::string text = fmt::format("{:.{}f}", value, precision);
  const size_t point = text.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text.find_last_not_of('0') - point);
}

std::vector<std::string> format_floating(const std::vector<double>& values, int precision) {
  int decimals = std::min(1, precision);
  bool scientific = false;
  for (const double value : values) {
    const double size = std::abs(value);
    if (std::isfinite(value) && value != 0 && (size >= 1e6 || size < std::pow(10, -precision))) scientific = true;
  }
  if (!scientific) {
    for (const double value : values) decimals = std::max(decimals, decimals_needed(value, precision));
  }
  std::vector<std::string> texts;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      texts.push_back(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    } else {
      texts.push_back(scientific ? fmt::format("{:.{}e}", value, precision) : fmt::format("{:.{}f}", value, decimals));
    }
  }
  return texts;
}

std::vector<std::string> format_elements(const Tensor& host, const std::vector<int64_t>& indices, int precision) {
  return visit_any(host.dtype(), [&]<class T>() {
    const auto values = host.values<T>();
    if constexpr (std::is_integral_v<T>) {
      std::vector<std::string> texts;
      for (const int64_t i : indices) texts.push_back(fmt::to_string(values[static_cast<size_t>(i)]));
      return texts;
    } else {
      std::vector<double> shown;
      for (const int64_t i : indices) shown.push_back(to_double(values[static_cast<size_t>(i)]));
      return format_floating(shown, precision);
    }
  });
}

/// Lays out the elements shown, one after the other, in nested brackets.
class Layout {
 public:
  Layout(const Shape& shape, int64_t edge, int64_t line_width, const std::vector<std::string>& texts)
      : shape_(shape), edge_(edge), line_width_(static_cast<size_t>(line_width)), next_(texts.begin()) {
    for (const std::string& text : texts) width_ = std::max(width_, text.size());
  }

  std::string text() {
    if (shape_.rank() == 0) return *next_;
    put_axis(0);
    return std::move(out_);
  }

 private:
  void put_axis(int axis) {
    out_ += '[';
    const bool row = axis == shape_.rank() - 1;
    // One column for each open bracket: those of the outer axes and this one's.
    const std::string indent(static_cast<size_t>(axis) + 1, ' ');
    bool first = true;
    for (const int64_t entry : shown_entries(shape_[axis], edge_)) {
      if (row) {
        put_cell(entry == kGap ? "..." : *next_++, entry == kGap ? 3 : width_, first, indent);
      } else {
        if (!first) out_ += (axis < shape_.rank() - 2 ? ",\n\n" : ",\n") + indent;
        if (entry == kGap) {
          out_ += "...";
        } else {
          put_axis(axis + 1);
        }
      }
      first = false;
    }
    out_ += ']';
  }

  void put_cell(const std::string& text, size_t width, bool first, const std::string& indent) {
    if (!first) {
      const size_t line_start = out_.rfind('\n') + 1;  // npos + 1 is 0
      const bool full = out_.size() - line_start + 2 + width + 1 > line_width_;
      out_ += full ? ",\n" + indent : ", ";
    }
    out_ += fmt::format("{:>{}}", text, width);
  }

  const Shape& shape_;
  int64_t edge_;
  size_t line_width_;
  size_t width_ = 0;
  std::vector<std::string>::const_iterator next_;
  std::string out_;
};

}  // namespace

std::string to_string(const Tensor& tensor, const PrintOptions& options) {
  if (options.precision < 0 || options.precision > 17 || options.edge_items < 1 || options.max_elements < 0 ||
      options.line_width < 0) {
    fail<ValueError>(
        "to_string: expects precision 0 to 17, edge_items >= 1, max_elements >= 0 and line_width >= 0; got {}, {}, {}, "
        "{}",
        options.precision, options.edge_items, options.max_elements, options.line_width);
  }
  if (!tensor.defined()) return "undefined tensor";
  const std::string header = fmt::format("{} {} {}\n", tensor.dtype(), tensor.shape(), tensor.device());
  if (tensor.numel() == 0) return header + "[]";
  const int64_t edge = choose_edge(tensor.shape(), options);
  std::vector<int64_t> indices;
  collect(tensor.shape(), 0, 0, edge, indices);
  const auto texts = format_elements(tensor.to(Device::cpu()), indices, options.precision);
  return header + Layout(tensor.shape(), edge, options.line_width, texts).text();
}

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) { return stream << to_string(tensor); }

}  // namespace divvy
