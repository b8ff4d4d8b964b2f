#include "apps/run/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>

#include "apps/run/signals.h"
#include "tensor/error.h"

extern char** environ;

namespace divvy::app {

namespace {

using Clock = std::chrono::steady_clock;

/// The redirections of a child's standard streams.
class FileActions {
 public:
  explicit FileActions(const std::filesystem::path& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions_, 1, 2);
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

pid_t start(const ChildTask& task) {
  std::vector<char*> arguments;
  for (const std::string& argument : task.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  FileActions actions(task.log);
  pid_t child = 0;
  const int error = posix_spawn(&child, arguments[0], actions.get(), nullptr, arguments.data(), environ);
  if (error != 0) {
    fail<CheckpointError>("{} cannot be started with its output in {}: {}", arguments[0], task.log.string(),
                          std::strerror(error));
  }
  return child;
}

}  // namespace

void run_children(const std::vector<ChildTask>& tasks, int jobs,
                  const std::function<bool(size_t, const ChildResult&)>& finished) {
  struct Running {
    size_t task;
    Clock::time_point begin;
  };
  std::map<pid_t, Running> running;
  size_t next = 0;
  bool go_on = true;
  while (true) {
    go_on = go_on && !SignalGuard::interrupted();
    while (go_on && next < tasks.size() && running.size() < static_cast<size_t>(std::max(jobs, 1))) {
      const pid_t child = start(tasks[next]);
      ChildSignals::add(child);
      running[child] = {next++, Clock::now()};
    }
    if (running.empty()) return;
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      fail<CheckpointError>("the children cannot be waited for: {}", std::strerror(errno));
    }
    const pid_t child = ended.si_pid;
    ChildSignals::remove(child);
    int status = 0;
    waitpid(child, &status, 0);
    const auto found = running.find(child);
    if (found == running.end()) continue;
    const auto [task, begin] = found->second;
    running.erase(found);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    go_on = finished(task, {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seconds}) && go_on;
  }
}

std::filesystem::path this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

}  // namespace divvy::app
