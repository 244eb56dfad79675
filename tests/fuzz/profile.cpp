// SPDX-License-Identifier: Apache-2.0
// A profile, with what it says of models, studies and trainings.
#include "run/profile.h"

#include "dit/configuration.h"
#include "fuzz.h"

namespace {

using namespace dydit;

// As the program's catalog has them, which links LibTorch.
study::Names names() {
  const Schema<study::Options> curve = study::curve_options(), map = study::map_options();
  study::Names names;
  names.studies = {{"loss-gap", "", "", curve, {}, study::Models::all},
                   {"loss-map", "", "", map, study::map_defaults(), study::Models::last},
                   {"activation", "", "", curve, {}, study::Models::dynamic},
                   {"compute-map", "", "", map, study::map_defaults(), study::Models::dynamic}};
  names.sweep = {.axes = study::standard_axes(),
                 .engines = {"dense", "masked", "compact"},
                 .require_models = [](const study::SpeedSpec& spec, const std::string&) {
                   for (const std::string& name : spec.models) dit::published(name);
                 }};
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const study::Names known = names();
  const auto path = fuzz::write_input("input.toml", {reinterpret_cast<const char*>(data), size});
  const fuzz::HeapLimit limit(size, 16 << 20);
  fuzz::expect_error_or_success([&] {
    const run::Profile profile = run::read_profile(path, known);
    if (run::to_json(profile).dump().empty()) __builtin_trap();
    for (const run::StudySpec& each : profile.studies)
      study::resolved(each.options, profile.process.value_or(diffusion::ProcessSpec()));
    for (const run::ModelSpec& each : profile.models)
      if (!each.configuration.is_null()) dit::from_json(each.configuration);
  });
  return 0;
}
