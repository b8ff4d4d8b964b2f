#include "tensor/cores.h"

#include <sched.h>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

TEST_CASE("the cores of a process are those of its affinity") {
  const int before = available_cores();
  CHECK(before >= 1);
  cpu_set_t all, one;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  CHECK(before <= CPU_COUNT(&all));
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(available_cores() == 1);
  sched_setaffinity(0, sizeof all, &all);
  CHECK(available_cores() == before);
}

TEST_CASE("the quota of a control group is the least of those above it") {
  const TemporaryFolder root;
  const auto folder = root / "batch/job";
  std::filesystem::create_directories(folder);
  CHECK(!detail::cgroup_cores(root.path(), "0::/batch/job\n"));
  write_bytes(folder / "cpu.max", "max 100000\n");
  CHECK(!detail::cgroup_cores(root.path(), "0::/batch/job\n"));
  write_bytes(root / "batch/cpu.max", "350000 100000\n");
  CHECK(detail::cgroup_cores(root.path(), "0::/batch/job\n") == 3.5);
  write_bytes(folder / "cpu.max", "150000 100000\n");
  CHECK(detail::cgroup_cores(root.path(), "0::/batch/job\n") == 1.5);
  CHECK(detail::cgroup_cores(root.path(), "0::/batch/elsewhere\n") == 3.5);
  CHECK(!detail::cgroup_cores(root.path(), "no group\n"));

  std::filesystem::create_directories(root / "cpu/job");
  write_bytes(root / "cpu/job/cpu.cfs_quota_us", "-1\n");
  write_bytes(root / "cpu/job/cpu.cfs_period_us", "100000\n");
  CHECK(!detail::cgroup_cores(root.path(), "3:cpuacct,cpu:/job\n2:memory:/job\n"));
  write_bytes(root / "cpu/job/cpu.cfs_quota_us", "200000\n");
  CHECK(detail::cgroup_cores(root.path(), "3:cpuacct,cpu:/job\n2:memory:/job\n") == 2);
}

}  // namespace divvy::test
