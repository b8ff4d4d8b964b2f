#pragma once

#include <fmt/format.h>

#include <string_view>

/// The standard streams. Printing never throws: an error of stdout is reported once, at the end of the program, and
/// without stderr there is nobody to tell.
namespace divvy::app {

/// Opens /dev/null in the place of closed standard streams, since the next file to be opened would take their numbers
/// and get their text. A pipe whose reader has gone, and a file that may not grow, become errors of writing
/// instead of signals.
void prepare_streams();

void write_output(std::string_view text);
void write_error(std::string_view text);

template <class... Args>
void print_output(fmt::format_string<Args...> format, Args&&... args) {
  write_output(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void print_error(fmt::format_string<Args...> format, Args&&... args) {
  write_error(fmt::format(format, std::forward<Args>(args)...));
}

/// Flushes stdout. Returns `code`, or if some of the output could not be written and `code` is kDone, kFailure with a
/// message; without a message kBrokenPipe if its reader has gone.
int finish_output(int code);

}  // namespace divvy::app
