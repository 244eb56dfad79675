// SPDX-License-Identifier: Apache-2.0
// What a profile and the command line say of a study.
#pragma once

#include "base/schema.h"
#include "diffusion/process_spec.h"

namespace dydit::study {

/// Of any study; each offers those that it has.
struct Options {
  std::int64_t count = 50;      ///< times, spread evenly over the process; 0: those of the paper's maps
  std::vector<double> at = {};  ///< or these
  std::int64_t images = 0;      ///< 0: all
  std::int64_t chunk = 100;     ///< images of one cell, and of one forward pass
  std::int64_t draws = 1;       ///< of noise at each time
  std::int64_t shown = 6;       ///< images in the figure
  bool normalise_each = false;  ///< maps: each to [0, 1] as in the paper, not one scale per time
  std::vector<std::string> models = {};
};

/// What a study offers: of a curve over the times, or of maps over the image.
Schema<Options> curve_options();
Schema<Options> map_options();
Options map_defaults();

/// With the times of the paper's maps where they are meant, which are of the diffusion; of another process as many are
/// spread evenly.
Options resolved(Options options, const diffusion::ProcessSpec& process);

/// Models that a study looks at where none is named.
enum class Models { all, last, dynamic };

/// A study by its name.
struct Info {
  std::string name;  ///< in profiles, records and on the command line: "loss-gap"
  std::string help;
  std::string example;  ///< of a command line
  Schema<Options> options;
  Options defaults;
  Models models;  ///< of `dynamic` those that are named must have routers too
};

}  // namespace dydit::study
