// SPDX-License-Identifier: Apache-2.0
// What the machine reaches at best: a large matrix product and copies, on a GPU a large one alone.
#include "instrument/ceilings.h"

#include "model/device.h"
#include "suite.h"
#include "suites.h"

namespace dydit::bench {

void add_ceilings() {
  for (const torch::Device device : devices()) {
    for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16})
      add("ceiling/product", {device_axis(device), {"dtype", model::dtype_name(dtype)}}, [=](State& state) {
        const torch::InferenceMode inference;
        const instrument::Ceiling ceiling = instrument::product_ceiling(device, dtype);
        time(state, device, [&] { ceiling.variant.run(0); });
        count_macs(state, ceiling.amount);
      });
    for (const std::int64_t megabytes : device.is_cpu() ? std::vector{4, 256} : std::vector{256})
      add("ceiling/copy", {device_axis(device), {"MiB", megabytes}}, [=](State& state) {
        const torch::InferenceMode inference;
        const instrument::Ceiling ceiling = instrument::copy_ceiling(device, megabytes << 20);
        time(state, device, [&] { ceiling.variant.run(0); });
        count_bytes(state, ceiling.amount);
      });
  }
}

}  // namespace dydit::bench
