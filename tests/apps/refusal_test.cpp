// Models, losses, recipes and data of `divvy train` by name: what is refused, and how.

#include <algorithm>

#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

TEST_CASE("impossible combinations are refused with the option, the reason and the nearest possibility") {
  const Workplace work;
  const auto refused = [&](const std::string& arguments, const std::vector<std::string>& words) {
    const Result result = work.run("train " + arguments);
    INFO(arguments << ": " << result.err);
    CHECK(result.code == 2);
    for (const std::string& word : words) CHECK(mentions(result.err, word));
    CHECK(std::ranges::count(result.err, '\n') == 1);
    CHECK(!fs::exists(work.path() / "runs"));
  };
  refused("--model product --gate attentive", {"--model product", "has no gate", "mixture"});
  refused("--model single --output mixture", {"--model single", "no-gate-entropy"});
  refused("--model concatenation", {"--class-lists", "random"});
  refused("--recipe pre-chosen", {"--recipe pre-chosen", "--class-lists", "random"});
  refused("--class-mask", {"--class-mask", "--class-lists"});
  refused("--class-lists mnist-9x", {"--class-lists", "0,1|2,3"});
  refused("--class-lists mnist-1", {"--class-lists", "5 experts", "10"});
  refused("--class-lists \"0,1|2,12\" --experts 2", {"--class-lists", "class 12"});
  refused("--recipe distil", {"--recipe distil", "--gate attentive"});
  refused("--recipe em", {"--recipe em", "model em"});
  refused("--model em --recipe joint", {"--recipe joint", "recipe em"});
  refused("--model em --loss likelihood", {"--loss likelihood", "--loss responsibility"});
  refused("--loss responsibility", {"--loss responsibility", "--loss cross-entropy", "--model em"});
  refused("--model product --loss likelihood", {"--loss likelihood", "--loss cross-entropy"});
  refused("--loss mse", {"mse", "targets", "cross-entropy"});
  refused("--data barber-regression --experts 2 --loss cross-entropy", {"cross-entropy", "classes", "mse"});
  refused("--data barber-regression --model no-gate-entropy", {"--model no-gate-entropy", "mixture"});
  refused("--data barber-regression --model no-gate-self-information", {"no-gate-self-information", "mixture"});
  refused("--model no-gate-entropy --importance 1", {"--importance", "--model mixture"});
  refused("--model product --gate-regression 1", {"--gate-regression", "--model mixture"});
  refused("--gate attentive --net conv-28x28", {"hidden layers of one width", "network mnist suits"});
  refused("--gate attentive --separate-experts", {"attentive", "separate"});
  refused("--net wideresnet-40-4", {"takes samples", "--net mnist"});
  refused("--expert-lr 0.1,0.2 --experts 2", {"--expert-lr", "--separate-experts"});
  refused("--expert-lr 0.1,0.2,x --separate-experts", {"--expert-lr", "'x'"});
  refused("--expert-lr 0.1 --experts 2 --separate-experts", {"1 learning rates for 2 experts"});
  refused("--temperature 0", {"--temperature", "greater than 0"});
  refused("--temperature 10x0.5", {"--temperature", "10x25"});
  refused("--temperature 10x30", {"--temperature", "30 epochs", "20"});
  refused("--gate-output escort --temperature 2x10", {"--gate-output", "softmax"});
  refused("--class-lists \"0,0|1,2\" --experts 2", {"--class-lists", "class 0 twice"});
  refused("--data barber-regression --experts 2 --class-lists \"0|1\" --class-mask", {"class mask", "regression"});
  refused("--data barber-regression --experts 2 --model stochastic --quirks square-root-likelihood",
          {"--quirks square-root-likelihood", "targets"});
  refused("--recipe no-gate-then-gate --first-epochs 9 --epochs 4 --temperature 2x5", {"5 epochs", "has 4"});
  refused("--distance pixel --importance 1", {"--distance", "--similarity-same"});
  refused("--quirks double", {"--quirks", "double-softmax"});
  refused("--augment --data multi-class", {"--augment", "image"});
  refused("--gate attentiv", {"did you mean 'attentive'"});
  refused("--recipe transfer", {"transfer-same"});
  CHECK(work.run("train --similarity-same 1 --distance nowhere").code == 4);
}

TEST_CASE("settings that nothing reads are named in the plan") {
  const Workplace work;
  const auto idle = [&](const std::string& arguments) {
    const Result result = work.run("train --dry-run " + arguments);
    INFO(arguments << ": " << result.err);
    CHECK(result.code == 0);
    const size_t at = result.out.find("no effect ");
    return at == std::string::npos ? std::string() : result.out.substr(at, result.out.find('\n', at) - at);
  };
  CHECK(idle("").empty());
  CHECK(idle("--k 4") == "no effect --k 4 (read by --model top-k)");
  CHECK(idle("--model top-k --k 4").empty());
  CHECK(
      idle("--expert-hidden pre-relu --momentum 0.5 --first-epochs 3") ==
      "no effect --expert-hidden pre-relu (read by --gate attentive), --momentum 0.5 (read by --optimizer rmsprop and "
      "sgd), --first-epochs 3 (read by recipes of several stages)");
  CHECK(idle("--gate attentive --expert-hidden pre-relu --optimizer sgd --momentum 0.5 --recipe no-gate-then-gate "
             "--first-epochs 3")
            .empty());
  CHECK(idle("--e-step hard --e-step-every 2 --temperature-decay-start 3") ==
        "no effect --temperature-decay-start 3 (read by --temperature-decay), --e-step hard (read by --recipe em), "
        "--e-step-every 2 (read by --recipe em)");
  CHECK(idle("--model em --e-step hard --e-step-every 2 --temperature-decay 0.1 --temperature-decay-start 3").empty());
  CHECK(idle("--quirks square-root-likelihood,similarity-bracket") ==
        "no effect --quirks square-root-likelihood (read by --loss likelihood), --quirks similarity-bracket (read by "
        "--similarity-same)");
  CHECK(
      idle("--model single --quirks zero-gate,scrambled-em,double-softmax") ==
      "no effect --quirks double-softmax (read by --model mixture and top-1), --quirks zero-gate (read by models with "
      "a gate), --quirks scrambled-em (read by --recipe em)");
  CHECK(idle("--model stochastic --quirks square-root-likelihood,zero-gate").empty());
  CHECK(idle("--model top-k --k 1 --quirks double-softmax").empty());
}

}  // namespace divvy::test
