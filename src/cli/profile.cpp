// SPDX-License-Identifier: Apache-2.0
// dydit profile: where the time of a forward pass goes.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <span>

#include "analysis/profile_against.h"
#include "common.h"
#include "record/run_directory.h"
#include "study/bounds.h"

namespace dydit::cli {

namespace {

struct Profiled {
  CheckpointOption checkpoint;
  run::ProfiledSpec spec;
  Json data = Json::object();
  std::string against;  // a run directory; empty: none
  bool json = false;
  ProcessOptions process;
  RunOptions machine;
};

// One cell as the contract has it: its rows and the remainder sum to the time.
Json cell_of(const record::Record& cell, const std::vector<record::Record>& records) {
  const auto value = [](const record::Record& record, const char* metric) {
    const auto found = record.metrics.find(metric);
    return found == record.metrics.end() ? Json() : Json(found->second.value);
  };
  Json rows = Json::array();
  double wall = 0;
  for (const record::Record& row : records) {
    if (row.study != "kernel" || row.process != cell.process) continue;
    Json axes = row.axes;
    axes.erase("range");
    axes.erase("kernel");
    if (axes != cell.axes) continue;
    wall += row.metrics.at("kernel_time").value;
    rows.push_back(
        {{"range", row.axes["range"]},
         {"kernel", row.axes["kernel"]},
         {"calls", value(row, "kernel_calls")},
         {"total_ms", value(row, "kernel_time")},
         {"macs", value(row, "kernel_gmacs").is_null() ? 0 : 1e9 * value(row, "kernel_gmacs").get<double>()},
         {"bytes", value(row, "kernel_bytes").is_null() ? 0 : 1e6 * value(row, "kernel_bytes").get<double>()}});
  }
  const Json remainder = value(cell, "remainder_time");
  return {{"axes", cell.axes},
          {"wall_ms", remainder.is_null() ? Json() : Json(wall + remainder.get<double>())},
          {"uncollected_ms", value(cell, "time")},
          {"remainder_ms", remainder},
          {"lost_records", value(cell, "lost_records")},
          {"rows", rows}};
}

// A run that its cells are compared with.
struct Against {
  std::string run;
  std::vector<analysis::ProfileStudy> studies;
};

std::optional<Against> against_of(const std::string& path) {
  if (path.empty()) return std::nullopt;
  const record::Run run = record::read_run(path);
  Against against{path, analysis::profile_studies(std::span(&run, 1))};
  if (against.studies.empty()) throw InputError("no profile in this run", path, "name one that dydit profile wrote");
  return against;
}

// Null for a time that is not known.
Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json comparison_of(const analysis::ProfileCell& before, const analysis::ProfileCell& now, const std::string& run) {
  Json rows = Json::array();
  for (const analysis::RowChange& row : analysis::row_changes(before, now))
    rows.push_back({{"range", row.range},
                    {"kernel", row.kernel},
                    {"total_ms", number_or_null(row.time)},
                    {"against_ms", number_or_null(row.before)},
                    {"calls", number_or_null(row.calls)},
                    {"against_calls", number_or_null(row.calls_before)}});
  return {{"run", run},
          {"wall_ms", before.rows.empty() ? Json() : number_or_null(before.whole_time())},
          {"uncollected_ms", number_or_null(before.time.mean)},
          {"rows", rows}};
}

bool is_of(const analysis::ProfileCell& cell, const Json& axes) {
  Json keep;
  if (cell.keep) keep = cell.keep->by_axis() ? Json(cell.keep->shares) : Json(cell.keep->shares.front());
  return axes["engine"] == cell.engine.name && axes["which"] == cell.which && axes.value("keep", Json()) == keep;
}

void print_json(const record::Run& run, const std::optional<Against>& against) {
  Json cells = Json::array();
  for (const record::Record& record : run.records)
    if (record.study == "profile") {
      cells.push_back(cell_of(record, run.records));
      if (against) cells.back()["against"] = Json();
    }
  if (against) {
    const auto studies = analysis::profile_studies(std::span(&run, 1));
    const auto [pairs, notes] = analysis::compared(against->studies, studies, against->run);
    for (const auto& [before, now] : pairs)
      for (Json& cell : cells)
        if (is_of(*now, cell["axes"])) cell["against"] = comparison_of(*before, *now, against->run);
    for (const std::string& note : notes) std::cerr << "dydit: " << note << "\n";
  }
  // Of one cell that is asked for, the complete model beside it stays in the run.
  std::cout << (cells.size() <= 2 ? cells.back() : cells).dump(2) << "\n";
}

void print_text(const record::Run& run, const Against& against) {
  const auto studies = analysis::profile_studies(std::span(&run, 1));
  const auto [pairs, notes] = analysis::compared(against.studies, studies, against.run);
  for (const std::string& note : notes) std::cout << note << "\n";
  for (const auto& [before, now] : pairs) std::cout << analysis::comparison_text(*before, *now, against.run);
}

void execute(const Profiled& p, const run::RunSettings& given) {
  run::RunSettings settings = given;
  settings.json = p.json;
  run::ProfiledSpec spec = p.spec;
  if (!p.checkpoint.path.empty()) spec.checkpoint = p.checkpoint.spec();
  spec.process = p.process.process();
  spec.data = run::data_schema().from_json(p.data, "data", spec.data);
  spec.kernels.dtype = p.machine.dtype;
  spec.seed = p.machine.seed.value_or(0);
  const auto against = against_of(p.against);  // before anything is measured
  const run::Finished finished = run::run_profile(spec, settings);
  if (p.json)
    print_json(record::read_run(finished.path), against);
  else if (against)
    print_text(record::read_run(finished.path), *against);
  require_whole(finished);
}

}  // namespace

void add_profile(CLI::App& app, const study::Catalog& catalog) {
  auto p = std::make_shared<Profiled>();
  CLI::App* command =
      app.add_subcommand("profile", "Where the time of a forward pass goes: kernels and operators by range, a trace");
  command->footer("Example: dydit profile --model DyDiT-S/2 --engine compact --keep 0.64 --batch 4 --json");
  CLI::Option* const model =
      command->add_option("--model", p->spec.model, "a published configuration, under imposed masks")
          ->capture_default_str();
  p->checkpoint.add_to(*command, /*required=*/false);
  CLI::Option* const checkpoint = command->get_option("--checkpoint")->excludes(model);
  std::vector<std::string> engines;
  for (const engine::Row& row : engine::engines_of(catalog.families)) engines.push_back(row.name);
  command->add_option("--engine", p->spec.kernels.engine, "what runs the model; the dense one is always beside it")
      ->check(CLI::IsMember(engines));
  command->add_option("--which", p->spec.kernels.which, "of which units the share is kept: widths, tokens, both")
      ->check(CLI::IsMember({"widths", "tokens", "both"}))
      ->capture_default_str()
      ->excludes(checkpoint);  // runs as its routers decide
  command
      ->add_option_function<std::string>(
          "--keep", [p](const std::string& text) { p->spec.kernels.keep = study::kept_from_text(text, "--keep"); },
          "share of the units that stay on, or one for each unit axis: 0.75,0.625,0.65")
      ->type_name(study::bounds::keep.words())
      ->default_str("0.5")
      ->excludes(checkpoint);
  add_number(*command, "--batch", study::bounds::batch, into(p->spec.kernels.batch), "images of a pass")
      ->default_str("8");
  add_number(*command, "--input-size", Bounds<std::int64_t>{1, 8192}, into(p->spec.kernels.input_size),
             "side of the latent")
      ->default_str("32")
      ->excludes(checkpoint);
  add_number(*command, "--blocks", study::bounds::blocks, into(p->spec.kernels.blocks),
             "interleaved blocks of the times without collectors")
      ->default_str("15");
  command
      ->add_option_function<std::string>(
          "--data", [p](const std::string& path) { p->data["path"] = path; },
          "images for a checkpoint's passes (default: made up)")
      ->needs(checkpoint);
  add_round_to_tiles(*command, p->spec.kernels.round_to_tiles);
  command->add_option("--against", p->against, "a run directory of another profile, to compare each cell with");
  command->add_flag("--json", p->json, "print the rows as JSON");
  p->process.add_to(*command);
  p->machine.add_to(*command);
  execute_on<Profiled>(*command, p, catalog, execute);
}

}  // namespace dydit::cli
