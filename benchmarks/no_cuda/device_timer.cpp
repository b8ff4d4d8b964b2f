#include "benchmarks/device_timer.h"

#include "tensor/error.h"

namespace divvy::bench {

namespace {
[[noreturn]] void absent() { fail<DeviceError>("this build of divvy has no CUDA; configure with -DDIVVY_CUDA=ON"); }
}  // namespace

struct DeviceTimer::Events {};

DeviceTimer::DeviceTimer(Device) { absent(); }
DeviceTimer::~DeviceTimer() = default;
void DeviceTimer::start() { absent(); }
double DeviceTimer::stop() { absent(); }

std::vector<std::pair<std::string, std::string>> device_facts(Device) { absent(); }

}  // namespace divvy::bench
