#include <CLI/CLI.hpp>

#include "apps/commands/commands.h"
#include "apps/report/png.h"
#include "apps/settings/options.h"
#include "apps/terminal/class_table.h"
#include "apps/terminal/progress.h"
#include "apps/terminal/terminal.h"
#include "tests/support/catch.h"

namespace divvy::test {

using namespace app;

TEST_CASE("times and sizes as people read them") {
  CHECK(clock_time(0) == "00:00");
  CHECK(clock_time(83.4) == "01:23");
  CHECK(clock_time(3723) == "1:02:03");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(1500) == "1.5 kB");
  CHECK(bytes_text(25'000'000) == "25 MB");
}

TEST_CASE("a line of progress") {
  ProgressLine line;
  line.label = "epoch 3/20";
  line.done = 74;
  line.total = 97;
  line.elapsed_seconds = 33;
  line.rate = 229.4;
  line.steps_per_second = 2.3;
  line.note = "loss 0.213";
  CHECK(line.to_string(100) == "epoch 3/20   76%|███████████████▎    | 74/97 [00:33<00:10, 229 img/s] loss 0.213");
  CHECK(line.to_string(20) == "epoch 3/20   76%|| 7");  // no room for a bar
  line.done = 0;
  line.rate = line.steps_per_second = 0;
  CHECK(line.to_string(100).find("[00:33<?, ? img/s]") != std::string::npos);
}

TEST_CASE("the class x expert table") {
  const std::string text = class_expert_text({{8, 0}, {1, 3}}, {"cat", "dog"}, false);
  CHECK(text ==
        "% of class   e0   e1  samples\n"
        "cat         100    ·        8\n"
        "dog          25   75        4\n"
        "all          75   25       12\n");
  CHECK(class_expert_text({{8, 0}, {1, 3}}, {"cat", "dog"}, true).find("\x1b[48;5;") != std::string::npos);
}

TEST_CASE("base64 pads, and a PNG is a PNG") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
  const std::string png = encode_png(Picture(3, 5, 3, 200));
  CHECK(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(png.substr(16, 8) == std::string("\0\0\0\5\0\0\0\3", 8));
}

TEST_CASE("settings are echoed so that a configuration file gives them back") {
  TrainConfig config;
  CLI::App command;
  add_train_options(command, config);
  std::vector<std::string> arguments = {"0.25", "--importance", "mnist", "--data"};  // CLI11 wants them reversed
  command.parse(arguments);
  const std::string toml = to_toml(config);
  CHECK(toml.find("data = \"mnist\"\n") != std::string::npos);
  CHECK(toml.find("importance = 0.25\n") != std::string::npos);
  CHECK(toml.find("epochs = 20\n") != std::string::npos);
  CHECK(toml.find("run-dir") == std::string::npos);
  CHECK(toml.find("batch") == std::string::npos);  // its default depends on the data, so a run settles it
  config.batch = 64;
  CHECK(to_toml(config).find("batch = 64\n") != std::string::npos);
}

TEST_CASE("completion knows the commands and their options") {
  CLI::App app{"", "divvy"};
  TrainConfig config;
  add_train_options(*app.add_subcommand("train"), config);
  const std::string script = bash_completion(app);
  CHECK(script.find("train) words=\"") != std::string::npos);
  CHECK(script.find("--importance") != std::string::npos);
  CHECK(script.find("complete -o filenames -F _divvy divvy") != std::string::npos);
}

}  // namespace divvy::test
