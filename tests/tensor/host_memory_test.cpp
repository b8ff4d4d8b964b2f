#include "tensor/host_memory.h"

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

constexpr int64_t kMebi = 1 << 20;

/// A folder that looks like the root of a system.
class System {
 public:
  explicit System(const std::string& groups = "") {
    put("proc/meminfo",
        "MemTotal:  9000 kB\nMemFree:  100 kB\nMemAvailable:    4096 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n");
    put("proc/self/cgroup", groups);
  }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_.path() / path).parent_path());
    write_bytes(root_ / path, text);
  }
  int64_t available() const { return detail::available_host_memory(root_.path()); }

 private:
  TemporaryFolder root_;
};

}  // namespace

TEST_CASE("The memory available is that of the system with its swap") {
  CHECK(System().available() == 5 * kMebi);
  CHECK(System("0::/\n").available() == 5 * kMebi);
  CHECK(available_host_memory() > kMebi);
}

TEST_CASE("A system that does not say what is available") {
  System system;
  system.put("proc/meminfo", "MemTotal:  9000 kB\nMemFree:  100 kB\n");
  CHECK(system.available() == -1);
  const TemporaryFolder nothing;
  CHECK(detail::available_host_memory(nothing.path()) == -1);
}

TEST_CASE("The limit of a control group counts, with what can be reclaimed and those of the groups around it") {
  System system("0::/jobs/7\n");
  system.put("sys/fs/cgroup/jobs/7/memory.max", "max\n");
  system.put("sys/fs/cgroup/jobs/7/memory.current", "1048576\n");
  CHECK(system.available() == 5 * kMebi);
  system.put("sys/fs/cgroup/jobs/7/memory.max", "3145728\n");
  CHECK(system.available() == 2 * kMebi);
  system.put("sys/fs/cgroup/jobs/7/memory.stat", "anon 1\ninactive_file 524288\n");
  CHECK(system.available() == 2 * kMebi + kMebi / 2);
  system.put("sys/fs/cgroup/jobs/memory.max", "2097152\n");
  system.put("sys/fs/cgroup/jobs/memory.current", "1048576\n");
  CHECK(system.available() == kMebi);
  system.put("sys/fs/cgroup/memory.max", "2097152\n");
  system.put("sys/fs/cgroup/memory.current", "9999999\n");
  CHECK(system.available() == 0);
}

TEST_CASE("The limit of a control group of version 1 counts") {
  System system("4:cpu,memory:/job\n3:cpuset:/\n0::/\n");
  system.put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2097152\n");
  system.put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1048576\n");
  CHECK(system.available() == kMebi);
  // Inside a container the group's own path cannot be seen, its limit is at the top.
  System container("4:memory:/docker/abc\n");
  container.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n");
  container.put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n");
  CHECK(container.available() == 2 * kMebi);
}

}  // namespace divvy::test
