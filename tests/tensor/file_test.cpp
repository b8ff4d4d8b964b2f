#include "tensor/file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "tensor/error.h"
#include "tensor/file_lock.h"
#include "tests/support/catch.h"
#include "tests/support/failing_calls.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

constexpr auto kData = FileKind::data;

int64_t files_in(const TemporaryFolder& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("A file is written, replaced and read back") {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  for (const std::string text : {"first", "", "second, longer than the first"}) {
    atomic_write(path, kData, text);
    CHECK(read_file(path, kData, 100) == text);
    CHECK(files_in(folder) == 1);
  }
  const std::string a(100'000, 'a'), b, c(3, 'c');
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(a)), std::as_bytes(std::span(b)),
                                              std::as_bytes(std::span(c))};
  atomic_write(path, kData, parts);
  CHECK(read_bytes(path) == a + b + c);
}

TEST_CASE("A failed write leaves the old file whole and nothing beside it") {
  const TemporaryFolder folder;
  const std::string texts[] = {std::string(500, 'o'), std::string(300, 'n')};
  const auto path = folder / "file";
  const int failures =
      fail_every_call([&](bool newer) { atomic_write(path, FileKind::checkpoint, texts[newer]); },
                      [&](bool newer) { return read_bytes(path) == texts[newer] && files_in(folder) == 1; });
  // open, write, fsync, rename, open and fsync of the folder; in pieces of 37 bytes there are nine writes.
  CHECK(failures == 2 * 6 + 2 * 14);
}

TEST_CASE("A write that fails says where and why") {
  const TemporaryFolder folder;
  const auto path = folder / "x.bin";
  {
    const FailingCalls full(1, ENOSPC);
    CHECK_THROWS_WITH(atomic_write(path, FileKind::checkpoint, "12345"),
                      path.string() +
                          ": cannot write 5 more bytes after 0: No space left on device; "
                          "free some space or choose another folder");
  }
  CHECK_THROWS_AS(atomic_write(folder / "missing/x", FileKind::checkpoint, ""), CheckpointError);
  CHECK_THROWS_WITH(
      atomic_write(folder / "missing/x", kData, ""),
      Catch::Contains("cannot create a temporary file beside it: No such file or directory; check the path"));
  CHECK_THROWS_AS(atomic_write(folder / "missing/x", kData, ""), DataError);
  CHECK_THROWS_WITH(atomic_write(folder.path().string() + "/", kData, ""), Catch::Contains("names no file"));
  CHECK_THROWS_AS(atomic_write("", kData, ""), DataError);
  std::filesystem::create_directory(folder / "sub");
  CHECK_THROWS_WITH(atomic_write(folder / "sub", kData, "x"), Catch::Contains("cannot put the new file in place"));
  CHECK(files_in(folder) == 1);
}

TEST_CASE("What a killed writer left behind is overwritten, or removed by the next writer of the folder") {
  const TemporaryFolder folder;
  write_bytes(folder / ".a.divvy.tmp", std::string(1000, 'x'));
  atomic_write(folder / "a", kData, "short");
  CHECK(read_bytes(folder / "a") == "short");
  CHECK(files_in(folder) == 1);

  write_bytes(folder / ".b.divvy.tmp", "stale");
  write_bytes(folder / ".living.divvy.tmp", "");
  write_bytes(folder / ".other.tmp", "of another program");
  {
    const auto writer = FileLock::try_acquire(folder / ".living.divvy.tmp");
    REQUIRE(writer);
    atomic_write(folder / "a", kData, "next");
    CHECK(!std::filesystem::exists(folder / ".b.divvy.tmp"));
    CHECK(files_in(folder) == 3);
  }
  atomic_write(folder / "a", kData, "last");
  CHECK(files_in(folder) == 2);
  CHECK(read_bytes(folder / ".other.tmp") == "of another program");
}

TEST_CASE("One holder at a time has the lock of a file") {
  const TemporaryFolder folder;
  auto first = FileLock::try_acquire(folder / "lock");
  REQUIRE(first);
  CHECK(!FileLock::try_acquire(folder / "lock"));
  const auto moved = std::optional(std::move(*first));
  CHECK(!FileLock::try_acquire(folder / "lock"));
  first.reset();
  CHECK(!FileLock::try_acquire(folder / "lock"));
  CHECK(FileLock::try_acquire(folder / "other"));
  CHECK_THROWS_AS(FileLock::try_acquire(folder / "missing/lock"), CheckpointError);
}

TEST_CASE("Writers of one file take turns") {
  const TemporaryFolder folder;
  const auto path = folder / "shared";
  const auto version = [](size_t i) { return std::string(10'000 + i, static_cast<char>('a' + i)); };
  std::vector<std::thread> writers;
  for (size_t i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n) atomic_write(path, kData, version(i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = read_bytes(path);
  REQUIRE(text.size() >= 10'000);
  CHECK(text == version(text.size() - 10'000));
  CHECK(files_in(folder) == 1);
}

TEST_CASE("A writer killed at any moment leaves a whole file") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  const std::string texts[] = {std::string(20'000, 'a'), std::string(10'000, 'b')};
  atomic_write(path, kData, texts[0]);
  for (int kill = 0; kill < 50; ++kill) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (size_t i = 0;; ++i) atomic_write(path, kData, texts[i % 2]);
    }
    ::usleep(static_cast<useconds_t>(200 + kill * 61));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    const std::string text = read_bytes(path);
    CHECK((text == texts[0] || text == texts[1]));
    CHECK(files_in(folder) <= 2);
  }
}

TEST_CASE("A reader keeps within the file") {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "0123456789");
  FileReader reader(folder / "a", kData);
  CHECK(reader.size() == 10);
  char two[2];
  reader.read(two, 2);
  CHECK(std::string(two, 2) == "01");
  CHECK(reader.read_string(3) == "234");
  CHECK(reader.position() == 5);
  CHECK(reader.remaining() == 5);
  CHECK_THROWS_WITH(reader.read_string(6), Catch::Contains("ends too early: 6 bytes are needed at byte 5, 5 are left"));
  CHECK_THROWS_AS(reader.read_string(int64_t{1} << 60), DataError);
  CHECK_THROWS_AS(reader.read(two, -1), DataError);
  CHECK(reader.read_string(5) == "56789");
  CHECK(reader.read_string(0).empty());
  CHECK_THROWS_AS(reader.read(two, 1), DataError);
}

TEST_CASE("A file that shrinks or cannot be read is an error") {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "0123456789");
  FileReader reader(folder / "a", FileKind::checkpoint);
  std::filesystem::resize_file(folder / "a", 4);
  CHECK_THROWS_WITH(reader.read_string(10), Catch::Contains("became shorter while it was read: 10 bytes, now 4"));
  const auto before = detail::file_calls;
  detail::file_calls.read = [](int, void*, size_t) -> ssize_t { return errno = EIO, -1; };
  FileReader broken(folder / "a", FileKind::checkpoint);
  CHECK_THROWS_WITH(broken.read_string(4),
                    Catch::Contains("cannot read 4 bytes at byte 0: Input/output error; check the disk"));
  CHECK_THROWS_AS(broken.read_string(4), CheckpointError);
  detail::file_calls = before;
  CHECK(broken.read_string(4) == "0123");
}

TEST_CASE("Only regular files are read") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(FileReader(folder / "none", kData), Catch::Contains("cannot open it: No such file or directory"));
  CHECK_THROWS_AS(FileReader(folder / "none", FileKind::checkpoint), CheckpointError);
  CHECK_THROWS_WITH(FileReader(folder.path(), kData), Catch::Contains("is not a regular file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(FileReader(folder / "pipe", kData), Catch::Contains("is not a regular file"));
}

TEST_CASE("A file larger than expected is refused unread") {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "12345");
  CHECK(read_file(folder / "a", kData, 5) == "12345");
  CHECK_THROWS_WITH(read_file(folder / "a", kData, 4), Catch::Contains("has 5 bytes, at most 4 are expected"));
  // A sparse file of 1 TiB: must be refused by its size, not by running out of memory.
  std::filesystem::resize_file(folder / "a", uintmax_t{1} << 40);
  CHECK_THROWS_AS(read_file(folder / "a", kData, 1 << 20), DataError);
}

}  // namespace divvy::test
