#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

/// What a call of the command gave.
struct Result {
  int code = -1;
  std::string out, err;
};

/// Runs the command in a folder of its own.
class Workplace {
 public:
  const std::filesystem::path& path() const { return folder_.path(); }
  std::string read(const std::string& name) const { return read_bytes(path() / name); }
  void write(const std::string& name, const std::string& text) const { write_bytes(path() / name, text); }

  Result run(const std::string& arguments, const std::string& environment = "") const {
    return shell("env -u DIVVY_DATA " + environment + " " + program_path() + " " + arguments + " >out.txt 2>err.txt");
  }
  /// In the background, with the process number in the file "pid"; ends with it.
  Result run_in_background(const std::string& arguments) const {
    return shell(program_path() + " " + arguments + " >out.txt 2>err.txt & pid=$!; echo $pid > pid; wait $pid");
  }

 private:
  Result shell(const std::string& command) const {
    const int status = std::system(("cd " + path().string() + " && { " + command + "; } </dev/null").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }

  TemporaryFolder folder_;
};

inline nlohmann::json summary_of(const Workplace& work, const std::string& run) {
  return nlohmann::json::parse(work.read(run + "/summary.json"));
}

inline std::vector<nlohmann::json> rows_of(const Workplace& work, const std::string& run) {
  std::vector<nlohmann::json> rows;
  std::istringstream lines(work.read(run + "/metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

/// Six clusters in the plane with networks that every kind of gate can read, small enough for a run in no time.
inline const std::string kSmall =
    "train --data multi-class --net hidden-2d --experts 3 --epochs 2 --batch 512 --quiet ";

inline bool mentions(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace divvy::test
