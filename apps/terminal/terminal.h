#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace divvy::app {

/// Whether a stream is a terminal that can be drawn on (not TERM=dumb).
bool is_terminal(std::FILE* stream);

/// Whether colors may be used on it: it is a terminal, and NO_COLOR is not set.
bool use_color(std::FILE* stream);

/// The columns of the terminal on stderr, or 80 if unknown.
int terminal_width();

/// The time as "01:23", or as "1:02:03" from one hour on.
std::string clock_time(double seconds);

/// "1.5 MB", in powers of 1000.
std::string bytes_text(int64_t bytes);

}  // namespace divvy::app
