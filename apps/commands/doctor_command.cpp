#include <cstdio>
#include <thread>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/exit_code.h"
#include "apps/terminal/output.h"
#include "apps/version.h"
#include "datasets/catalog.h"
#include "kernels/instruction_set.h"
#include "tensor/device.h"
#include "tensor/parallel.h"
#include "tensor/text.h"

namespace divvy::app {

int doctor_command(const DataConfig& config) {
  std::vector<std::vector<std::string>> rows;
  const auto line = [&](const char* name, const std::string& text) { rows.push_back({name, text}); };
  line("divvy", kVersion);
  line("build", fmt::format("{}{}, {}", kBuildType, kNativeBuild ? " for this machine" : "", compiler_text()));
  line("processor", processor_name());
  line("kernels", fmt::format("{} instructions, bf16 products by {}", kernels::to_string(kernels::instruction_set()),
                              bf16_unit()));
  line("threads", fmt::format("{} of {}", num_threads(), std::thread::hardware_concurrency()));
  const int gpus = cuda_device_count();
  line("GPU", !kCudaBuild ? "none: this build has no CUDA" : gpus == 0 ? "none found" : fmt::format("{} found", gpus));
  line("libraries", libraries_text());
  std::string ready;
  for (const data::CatalogEntry& entry : data::catalog()) {
    if (data::status(entry, config.data_dir).ready) ready += (ready.empty() ? "" : ", ") + entry.name;
  }
  line("data folder", config.data_dir.empty() ? "none; name one with --data-dir or DIVVY_DATA" : config.data_dir);
  line("data ready", ready);
  write_output(text_table({}, rows));
  return kDone;
}

}  // namespace divvy::app
