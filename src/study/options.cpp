// SPDX-License-Identifier: Apache-2.0
#include "study/options.h"

#include <cmath>

#include "study/bounds.h"

namespace dydit::study {

namespace {

Json as_numbers(const std::vector<double>& times) {
  Json numbers = Json::array();
  for (const double t : times)
    t == static_cast<double>(std::llround(t)) ? numbers.push_back(std::llround(t)) : numbers.push_back(t);
  return numbers;
}

// The times and images of any study. A profile has the number of times or a list of them under one name.
Schema<Options> of_any_study() {
  Schema<Options> schema;
  const auto read = [](Keys& keys, Options& to) {
    const Json given = keys.take("timesteps");
    if (given.is_array()) {
      keys.read("timesteps", to.at, bounds::time);
      require_distinct(to.at, keys.where() + ".timesteps");
    } else if (!given.is_null()) {
      keys.read("timesteps", to.count, bounds::times);
      to.at.clear();
    }
  };
  schema.put({"timesteps", "how many, spread evenly; in a profile also a list of them", Option::Kind::value,
              bounds::times.words(),
              [](const std::string& text, const std::string& where) { return Json(bounds::times.parse(text, where)); }},
             read, [](const Options& from) { return from.at.empty() ? Json(from.count) : as_numbers(from.at); });
  return schema.add("images", &Options::images, bounds::images,
                    "number of images, spread evenly over the data (0: all)");
}

}  // namespace

Schema<Options> curve_options() {
  return of_any_study()
      .add("chunk", &Options::chunk, bounds::chunk, "images of one cell and forward pass")
      .add("models", &Options::models, "of the profile's; all where none is named");
}

Schema<Options> map_options() {
  return of_any_study()
      .add("draws", &Options::draws, bounds::draws, "noise draws to average over")
      .add("shown", &Options::shown, bounds::shown, "images in the figure")
      .add("normalise_each", &Options::normalise_each,
           "maps: each its own scale as in the paper, not one for each timestep")
      .add("models", &Options::models, "of the profile's");
}

Options map_defaults() { return {.count = 0, .images = 10, .chunk = 64, .draws = 8}; }

Options resolved(Options options, const diffusion::ProcessSpec& process) {
  if (options.count > 0 || !options.at.empty()) return options;
  options.count = 6;
  if (process.name == diffusion::ProcessSpec().name) options.at = {200, 300, 400, 600, 800, 900};
  return options;
}

}  // namespace dydit::study
