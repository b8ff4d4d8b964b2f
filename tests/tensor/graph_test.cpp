#include "tensor/graph.h"

#include "kernels/accumulate.h"
#include "kernels/clip.h"
#include "tensor/allocator.h"
#include "tensor/cuda/device_memory.h"
#include "tensor/generator.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

std::vector<Device> gpus() {
  std::vector<Device> devices = available_devices();
  std::erase(devices, Device::cpu());
  return devices;
}

}  // namespace

TEST_CASE("a graph does its work at each replay and not when it is recorded", "[device]") {
  for (const Device device : gpus()) {
    Tensor input = Tensor::full({5}, 1, DType::f64, device), sum = Tensor::zeros({5}, DType::f64, device), kept;
    cuda::Graph graph(device.index, [&] {
      CHECK(cuda::recording(device.index));
      Tensor twice = input.clone();
      kernels::scale(twice, 2);
      kernels::accumulate(twice, sum);
      kept = twice;
    });
    CHECK_FALSE(cuda::recording(device.index));
    CHECK(graph.bytes() >= 40);
    CHECK(sum.to_doubles()[0] == 0);
    for (int i = 0; i < 3; ++i) graph.replay();
    CHECK(sum.to_doubles() == std::vector<double>(5, 6));
    input.copy_from(Tensor::full({5}, 10, DType::f64));
    // What others allocate in between is not the graph's memory.
    const Tensor other = Tensor::full({5}, 77, DType::f64, device);
    graph.replay();
    CHECK(sum.to_doubles()[4] == 26);
    CHECK(kept.to_doubles()[4] == 20);
    CHECK(other.to_doubles()[4] == 77);
  }
}

TEST_CASE("memory of a graph is nobody else's as long as it lives", "[device]") {
  for (const Device device : gpus()) {
    const Tensor input = Tensor::full({1000}, 3, DType::f64, device);
    Tensor result = Tensor::zeros({1000}, DType::f64, device);
    std::vector<Tensor> others;
    const auto work = [&] {
      const Tensor first = input.clone();  // gone again within the recording
      Tensor second = first.clone();
      kernels::scale(second, 5);
      result.copy_from(second);
    };
    CachingAllocator& heap = allocator(device);
    const int64_t before = heap.stats().pooled_bytes;
    {
      cuda::Graph graph(device.index, work);
      CHECK(heap.stats().pooled_bytes > before);
      for (int i = 0; i < 20; ++i) others.push_back(Tensor::full({1000}, i, DType::f64, device));
      graph.replay();
      CHECK(result.to_doubles()[999] == 15);
      for (size_t i = 0; i < others.size(); ++i) CHECK(others[i].to_doubles()[500] == static_cast<double>(i));
    }
    CHECK(heap.stats().pooled_bytes == before);
  }
}

TEST_CASE("what needs the host is refused while a graph is recorded, and nothing is left behind", "[device]") {
  for (const Device device : gpus()) {
    Tensor x = Tensor::full({4}, 1, DType::f32, device);
    const auto message = [&](const std::function<void()>& work) {
      return refusal<DeviceError>([&] { cuda::Graph(device.index, work); });
    };
    CHECK_THAT(message([&] { x.to_doubles(); }),
               Contains("reading a result on the host cannot be part of a CUDA graph"));
    CHECK_THAT(message([&] { x.copy_from(Tensor::zeros({4})); }), Contains("a copy from the host cannot"));
    CHECK_THAT(message([&] { Generator().uniform({4}, 0, 1, DType::f32, device); }),
               Contains("drawing random numbers"));
    CHECK_THAT(message([&] { cuda::Graph(device.index, [] {}); }), Contains("another one is being recorded"));
    CHECK_FALSE(cuda::recording(device.index));
    kernels::scale(x, 4);
    CHECK(x.to_doubles() == std::vector<double>(4, 4));  // done at once: no recording goes on
    CHECK(allocator(device).stats().pooled_bytes == 0);
  }
  CHECK_THROWS_AS(cuda::Graph(cuda_device_count(), [] {}), DeviceError);
}

}  // namespace divvy::test
