// What a training computes does not change with the number of threads, nor from one version to the next: the final
// weights of one training for each kind of model, by a hash, against hashes that were recorded on machines of the same
// kind.

#include <fmt/format.h>

#include <fstream>

#include "tensor/safetensors.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

struct Setting {
  const char *name, *options;
};

const std::string kGlyphs = "train --data glyphs --train-limit 600 --epochs 2 --batch 100 --quiet --seed 7 ";
constexpr Setting kSettings[] = {
    {"mixture",
     "--model mixture --gate attentive --importance 0.2 --similarity-same 0.001 --similarity-different 0.001"},
    {"top-k", "--model top-k --k 2 --experts 6 --net conv-28x28 --skip-idle-experts --augment"},
    {"stochastic", "--model stochastic --net fashion-mnist --experts 4 --optimizer sgd --lr 0.01 --clip-norm 1"},
    {"em", "--model em --optimizer rmsprop --experts 5"},
    {"no-gate", "--model no-gate-self-information --experts 5"},
    {"no-gate-then-gate", "--recipe no-gate-then-gate --first-epochs 1 --experts 5"},
    {"loss-gate", "--model loss-gate --experts 5 --optimizer adam --temperature 5x1,1x1"},
    {"product", "--model product --experts 5 --class-balance 0.1"},
    {"concatenation", "--model concatenation --experts 5 --class-lists random"},
    {"transfer", "--recipe transfer-fresh --model top-1 --experts 5 --gate augmented --net mnist"},
    {"two-temperatures", "--recipe two-temperatures --experts 5 --orthogonality 0.1 --temperature 5"}};

/// One step of convolutions of many channels, on noise in the place of photographs.
const std::string kPhotographs =
    "train --data cifar10-small --data-dir data --fast-dev-run --quiet --seed 7 --batch 64 --model top-k --k 2 "
    "--experts 3 "
    "--optimizer sgd --lr 0.1 --momentum 0.5";

/// Records of CIFAR-10: a label and 3,072 bytes of noise from a linear congruential generator.
std::string noise_records(int count, uint64_t state) {
  std::string bytes;
  for (int record = 0; record < count; ++record) {
    bytes += static_cast<char>(record % 10);
    for (int i = 0; i < 3072; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      bytes += static_cast<char>(state >> 56);
    }
  }
  return bytes;
}

uint64_t fnv1a(std::string_view bytes, uint64_t hash) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3U;
  return hash;
}

/// The names and values of the weights in one number.
std::string hash_of(const Workplace& work, const std::string& run) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const auto& [name, value] :
       load_safetensors(work.path() / run / "checkpoints/last/weights.safetensors").tensors) {
    hash = fnv1a(name, hash);
    hash = fnv1a({reinterpret_cast<const char*>(value.bytes()), static_cast<size_t>(value.nbytes())}, hash);
  }
  return fmt::format("{:016x}", hash);
}

/// What the bits may depend on. A native build is of one kind of processor; in any other the kernels alone choose.
std::string kind_of_machine(const Workplace& work, const std::string& run) {
  const auto env = nlohmann::json::parse(work.read(run + "/env.json"));
  std::string native;
  if (env["native_build"].get<bool>()) {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; native.size() < 60 && std::getline(in, line);) {
      for (const char* key : {"vendor_id", "cpu family", "model\t"}) {
        if (line.starts_with(key)) native += " " + line.substr(line.find(": ") + 2);
      }
      if (line.empty()) break;  // the first processor
    }
    native = ", native on" + native;
  }
  return fmt::format("{}, {}{}, {}", env["compiler"].get<std::string>(), env["build_type"].get<std::string>(), native,
                     env["instruction_set"].get<std::string>());
}

/// Trains with one thread and with three, and gives the hash.
std::string trained(const Workplace& work, const std::string& name, const std::string& command) {
  for (const char* threads : {"1", "3"}) {
    const Result result = work.run(fmt::format("{} --threads {} --run-dir {}-{}", command, threads, name, threads));
    INFO(name << ": " << result.err);
    REQUIRE(result.code == 0);
  }
  const std::string hash = hash_of(work, name + "-1");
  INFO(name);
  CHECK(hash_of(work, name + "-3") == hash);
  return hash;
}

}  // namespace

TEST_CASE("the same seed gives the same bits, for any number of threads and as recorded", "[bits]") {
  const Workplace work;
  std::filesystem::create_directories(work.path() / "data/cifar10");
  work.write("data/cifar10/data_batch_1.bin", noise_records(2064, 1));
  work.write("data/cifar10/test_batch.bin", noise_records(40, 2));

  nlohmann::ordered_json got;
  for (const auto& [name, options] : kSettings) got[name] = trained(work, name, kGlyphs + options);
  got["cifar10"] = trained(work, "cifar10", kPhotographs);

  const auto recorded = nlohmann::json::parse(read_bytes(fixture_path("weight_hashes.json")));
  const std::string kind = kind_of_machine(work, "mixture-1");
  INFO("\"" << kind << "\": " << got.dump(1));
  if (!recorded.contains(kind)) {
    WARN(
        "no hashes are recorded for this kind of machine; see the note at the top of "
        "tests/fixtures/weight_hashes.json");
    return;
  }
  for (const auto& [name, hash] : recorded[kind].items()) {
    INFO(name);
    CHECK(got.value(name, "") == hash);
  }
}

}  // namespace divvy::test
