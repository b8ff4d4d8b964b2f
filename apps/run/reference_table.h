#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Results with the names and columns of the published experiments on gated modular networks, for comparison with their
/// tables.
namespace divvy::app {

/// The settings that are part of a published name. Those with the default value are left out of the name.
struct ReferenceSettings {
  std::string model;  ///< name of the method in the tables
  int64_t classes = 0, experts = 0;
  double importance = 0;  ///< weight of the importance regularizer
  double temperature = 1;
  double temperature_decay = 0;
  double no_gate_temperature = 0;  ///< first temperature of training without a gate
  double similarity_same = 0;      ///< weights of the two terms of sample similarity; the published code
                                   ///< divides the second by the square of the batch size, and not the first
  double similarity_different = 0;
};

/// model [_importance_I] [_temp_T] [_t_decay_v] [_no_gate_T_v] [_sample_sim_same_v] [_sample_sim_diff_v], with I and T
/// to one decimal; v to one decimal if it is at least 1, else in Python's shortest form: 0.0001, 1e-05. Throws
/// ValueError for a value that is negative or not finite.
std::string reference_name(const ReferenceSettings& settings);

/// A row of a published table. Entropies and mutual information are in bits, errors in [0, 1].
struct ReferenceRow {
  std::string model;
  double train_error = 0, val_error = 0, test_error = 0;
  std::optional<double> top_5_error;  ///< of the test part, if there are more than 20 classes
  // The following are absent if no samples were divided among experts.
  std::optional<double> mutual_information;  ///< of the selected expert and the class that it predicts, not the label
  std::optional<double> sample_entropy;      ///< 0 for a hard gate
  std::optional<double> expert_usage;        ///< entropy of the mean gate; of the selections for a hard gate
  std::optional<double> per_task_entropy;    ///< from the gate's mass; from the selections for a hard gate
};

/// The rows as CSV, with enough digits to read back the same bits. With `usage_in_nats`, expert usage alone is in nats,
/// as in some of the published tables.
std::string reference_csv(const std::vector<ReferenceRow>& rows, bool usage_in_nats = false);
/// Writes the CSV; the file is replaced atomically. Throws CheckpointError.
void write_reference_csv(const std::string& path, const std::vector<ReferenceRow>& rows, bool usage_in_nats = false);

}  // namespace divvy::app
