// SPDX-License-Identifier: Apache-2.0
// What was run, on what, and how to run it again; cells without a result.
#include <fmt/format.h>

#include <algorithm>

#include "html.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

using record::Json;
using record::Record;
using record::Run;

namespace {

/// A value of a manifest as text for people: strings without quotes, folders left out.
std::string text_of(const Json& json) {
  if (json.is_null()) return "–";
  if (json.is_string()) return without_folders(json.get<std::string>());
  if (json.is_number_float()) return number(json.get<double>());
  if (!json.is_object()) return without_folders(json.dump());
  std::vector<std::string> entries;
  for (const auto& [key, value] : json.items()) entries.push_back(key + " " + text_of(value));
  return fmt::format("{}", fmt::join(entries, ", "));
}

Json at(const Json& json, const char* key) { return json.is_object() ? json.value(key, Json()) : Json(); }

/// "depth 3, width 96, heads 4, patch 4, input 3×32×32, 10 classes".
std::string shape_of(const Json& configuration) {
  if (!configuration.is_object()) return "–";
  const auto text = [&](const char* key) { return text_of(at(configuration, key)); };
  return fmt::format("depth {}, width {}, heads {}, patch {}, input {}×{}×{}, {} classes", text("depth"),
                     text("hidden_size"), text("num_heads"), text("patch_size"), text("in_channels"),
                     text("input_size"), text("input_size"), text("num_classes"));
}

std::string duration(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  return seconds < 6000 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

std::string model_row(const Json& model) {
  const Json trained = at(model, "trained"), summary = at(model, "summary"), parameters = at(model, "parameters"),
             seconds = at(trained, "seconds");
  const auto count = [&](const char* key) {
    const Json json = at(trained, key);
    return json.is_number_integer() ? grouped(json.get<std::int64_t>()) : text_of(json);
  };
  std::vector<std::string> fields{
      text_of(at(model, "name")),
      summary.is_string() ? text_of(summary) : shape_of(at(model, "configuration")),
      parameters.is_number() ? fmt::format("{:.1f} M", parameters.get<double>() / 1e6) : "–",
      text_of(at(model, "gmacs")),
      count("images"),
      count("steps"),
      count("batch"),
      seconds.is_number() ? duration(seconds.get<double>()) : "–",
      text_of(at(trained, "device")),
      text_of(at(model, "checkpoint"))};
  for (std::string& field : fields) field = html_escape(field);
  return row(fields);
}

/// Only several runs need to be told apart.
std::string heading(std::span<const Run> runs, std::size_t i) {
  return runs.size() == 1 ? "" : fmt::format("<h3>Run {}</h3>\n", i + 1);
}

std::string code(const std::string& text) { return "<pre><code>" + html_escape(text) + "</code></pre>\n"; }

std::string pairs_table(const Json& entries) {
  std::string rows;
  for (const auto& [key, value] : entries.items())
    if (!value.is_null()) rows += row({html_escape(key), html_escape(text_of(value))});
  return table({}, rows, "pairs");
}

/// The models, beside those of the paper; empty when the manifests name none.
std::string models(std::span<const Run> runs) {
  std::string rows;
  for (const Run& run : runs)
    for (const Json& model : run.manifest.value("models", Json::array())) rows += model_row(model);
  if (rows.empty()) return "";
  const std::string data = "ImageNet 256×256, as latents of 32×32×4";
  rows +=
      row({"DiT-S/2 (paper)", "depth 12, width 384, heads 6, patch 2", "33 M", "6.06", data, "", "", "", "", ""}) +
      row({"DiT-XL/2 (paper)", "depth 28, width 1152, heads 16, patch 2", "675 M", "118.64", data, "", "", "", "", ""});
  return table({"model", "configuration", "parameters", "GMACs", "training images", "steps", "batch", "time", "device",
                "checkpoint"},
               rows, "models") +
         note(
             "GMACs: billions of multiply-accumulates of one forward pass of one image. The paper's loss gap compares "
             "DiT-S and DiT-XL.");
}

std::string machine(const Json& manifest) {
  Json entries = Json::object();
  for (const char* part : {"machine", "build"})
    if (at(manifest, part).is_object()) entries.update(at(manifest, part));
  for (const char* key : {"libtorch", "cuda", "threads", "seed", "data", "process", "start", "end", "forced"})
    entries[key] = at(manifest, key);
  entries["ceilings"] = at(at(manifest, "sweep"), "ceilings");
  return pairs_table(entries);
}

/// "quick, on an AMD EPYC, 2026-11-26".
std::string line_of(const Json& manifest) {
  std::vector<std::string> parts;
  const auto add = [&](const Json& text) {
    if (text.is_string() && text != "") parts.push_back(html_escape(text_of(text)));
  };
  add(at(at(manifest, "profile"), "name"));
  const Json device = at(manifest, "device"), gpus = at(at(manifest, "machine"), "gpus");
  const bool gpu =
      device.is_string() && device.get<std::string>().starts_with("cuda") && gpus.is_array() && !gpus.empty();
  add(gpu ? gpus.front() : at(at(manifest, "machine"), "cpu"));
  if (const Json end = at(manifest, "end"); end.is_string()) add(end.get<std::string>().substr(0, 10));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string subtitle(std::span<const Run> runs) {
  std::vector<std::string> lines;
  for (const Run& run : runs)
    if (const std::string line = line_of(run.manifest);
        !line.empty() && std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(line);
  return lines.empty() ? "" : fmt::format("Run: {}.", fmt::join(lines, "; "));
}

std::optional<Section> notes_section(std::span<const Run> runs, const Show&) {
  std::string html;
  for (const Run& run : runs)
    if (const Json note = at(at(run.manifest, "profile"), "note"); note.is_string() && note != "")
      html += "<p>" + html_escape(note.get<std::string>()) + "</p>\n";
  if (html.empty()) return std::nullopt;
  return Section{.id = "notes", .title = "What to keep in mind", .shown = html};
}

std::optional<Section> failures_section(std::span<const Run> runs, const Show&) {
  std::vector<std::string> failures;
  for (const Run& run : runs)
    for (const Record& record : run.records)
      if (record.status != record::Status::ok)
        failures.push_back(fmt::format("<b>{}</b>, {}: {}: {}", html_escape(record.study),
                                       html_escape(text_of(record.axes)),
                                       record.status == record::Status::failed ? "failed" : "skipped",
                                       html_escape(without_folders(record.error))));
  if (failures.empty()) return std::nullopt;
  const bool one = failures.size() == 1;
  return Section{.id = "failures",
                 .title = "Cells without a result",
                 .answer = fmt::format("{} cell{} no result.", failures.size(), one ? " has" : "s have"),
                 .shown = list(failures),
                 .alarm = true};
}

std::optional<Section> provenance_section(std::span<const Run> runs, const Show&) {
  std::string commands, machines, profiles;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Json command = at(runs[i].manifest, "reproduce"), profile = at(runs[i].manifest, "profile");
    const std::string name = heading(runs, i);
    if (command.is_string()) commands += name + code(text_of(command));
    machines += name + machine(runs[i].manifest);
    if (!profile.is_null()) profiles += name + code(without_folders(profile.dump(2)));
  }
  return Section{.id = "provenance",
                 .title = "How to run this again",
                 .shown = commands + folded("Machine, build and data", machines) +
                          folded("The profile as it was resolved", profiles) +
                          folded("What was trained, and what the paper used", models(runs))};
}

}  // namespace dydit::analysis
