#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace divvy::app {

/// Whether a stream is a terminal that can be drawn on (not TERM=dumb).
bool is_terminal(std::FILE* stream);

/// Whether colors may be used on it: a terminal, and NO_COLOR is not set.
bool use_color(std::FILE* stream);

/// Columns of the terminal on stderr, 80 where that is not known.
int terminal_width();

/// "01:23", or "1:02:03" from an hour on.
std::string clock_time(double seconds);

/// "1.5 MB", in powers of 1000.
std::string bytes_text(int64_t bytes);

}  // namespace divvy::app
