#include "apps/terminal/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "apps/exit_code.h"

namespace divvy::app {

namespace {

int output_error = 0;  // errno of the first error of stdout

void note_error(bool good) {
  if (!good && output_error == 0) output_error = errno != 0 ? errno : EIO;
}

}  // namespace

void prepare_streams() {
  for (int stream = 0; stream <= 2; ++stream) {
    // The least free number is this one, since those before it are open by now.
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDWR);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void write_output(std::string_view text) {
  errno = 0;
  note_error(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
}

void write_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

int finish_output(int code) {
  errno = 0;
  note_error(std::fflush(stdout) == 0);
  note_error(std::ferror(stdout) == 0);
  if (output_error == 0 || code != kDone) return code;
  if (output_error == EPIPE) return kBrokenPipe;
  print_error("divvy: the output cannot be written: {}\n", std::strerror(output_error));
  return kFailure;
}

}  // namespace divvy::app
