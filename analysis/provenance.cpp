// SPDX-License-Identifier: Apache-2.0
#include "provenance.h"

#include <fmt/format.h>

#include "text.h"

namespace dydit::analysis {

using record::Json;
using record::Record;
using record::Run;

namespace {

std::string cell(const std::string& text, const char* kind = "td") {
  return fmt::format("<{0}>{1}</{0}>", kind, html_escape(text));
}

/// A value of a manifest as text for people: strings without quotes, folders left out.
std::string text_of(const Json& json) {
  if (json.is_null()) return "–";
  if (json.is_string()) return without_folders(json.get<std::string>());
  if (json.is_number_float()) return number(json.get<double>());
  if (!json.is_object()) return without_folders(json.dump());
  std::string text;
  for (const auto& [key, value] : json.items())
    text += (text.empty() ? "" : ", ") + key + " " + text_of(value);
  return text;
}

Json at(const Json& json, const char* key) {
  return json.is_object() ? json.value(key, Json()) : Json();
}

/// "depth 3, width 96, heads 4, patch 4, input 3×32×32, 10 classes".
std::string shape_of(const Json& configuration) {
  if (!configuration.is_object()) return "–";
  const auto text = [&](const char* key) { return text_of(at(configuration, key)); };
  return fmt::format("depth {}, width {}, heads {}, patch {}, input {}×{}×{}, {} classes", text("depth"),
                     text("hidden_size"), text("num_heads"), text("patch_size"), text("in_channels"),
                     text("input_size"), text("input_size"), text("num_classes"));
}

std::string duration(const Json& seconds) {
  if (!seconds.is_number()) return "–";
  const auto value = seconds.get<double>();
  if (value < 100) return fmt::format("{:.0f} s", value);
  return value < 6000 ? fmt::format("{:.0f} min", value / 60) : fmt::format("{:.1f} h", value / 3600);
}

std::string millions(const Json& count) {
  return count.is_number() ? fmt::format("{:.1f} M", count.get<double>() / 1e6) : "–";
}

std::string model_row(const Json& model) {
  const Json trained = at(model, "trained");
  std::string row = "<tr><th scope=\"row\">" + html_escape(text_of(at(model, "name"))) + "</th>";
  row += cell(shape_of(at(model, "configuration"))) + cell(millions(at(model, "parameters"))) +
         cell(text_of(at(model, "gmacs")));
  for (const char* key : {"images", "steps", "batch"}) {
    const Json count = at(trained, key);
    row += cell(count.is_number_integer() ? grouped(count.get<std::int64_t>()) : text_of(count));
  }
  return row + cell(duration(at(trained, "seconds"))) + cell(text_of(at(trained, "device"))) +
         cell(text_of(at(model, "checkpoint"))) + "</tr>\n";
}

std::string section(const char* title, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", title, content);
}

/// Only several runs need to be told apart.
std::string heading(std::span<const Run> runs, std::size_t i) {
  return runs.size() == 1 ? "" : fmt::format("<h3>Run {}</h3>\n", i + 1);
}

std::string pairs_table(const Json& entries) {
  std::string html = "<div class=\"scroll\"><table class=\"pairs\"><tbody>\n";
  for (const auto& [key, value] : entries.items())
    if (!value.is_null())
      html += "<tr><th scope=\"row\">" + html_escape(key) + "</th>" + cell(text_of(value)) + "</tr>\n";
  return html + "</tbody></table></div>\n";
}

}  // namespace

std::string trained_section(std::span<const Run> runs) {
  std::string rows;
  for (const Run& run : runs)
    for (const Json& model : run.manifest.value("models", Json::array())) rows += model_row(model);
  if (rows.empty()) return "";
  std::string head;
  for (const char* name : {"model", "configuration", "parameters", "GMACs", "training images", "steps",
                           "batch", "time", "device", "checkpoint"})
    head += fmt::format("<th scope=\"col\">{}</th>", name);
  const std::string paper =
      "<tr class=\"paper\"><th scope=\"row\">DiT-S/2 (paper)</th><td>depth 12, width 384, heads 6, patch "
      "2</td><td>33 M</td>"
      "<td>6.06</td><td colspan=\"6\">ImageNet 256×256, as latents of 32×32×4</td></tr>\n"
      "<tr class=\"paper\"><th scope=\"row\">DiT-XL/2 (paper)</th><td>depth 28, width 1152, heads 16, patch "
      "2</td><td>675 M</td>"
      "<td>118.64</td><td colspan=\"6\">ImageNet 256×256, as latents of 32×32×4</td></tr>\n";
  return section(
      "What was trained, and what the paper used",
      "<div class=\"scroll\"><table class=\"trained\"><thead><tr>" + head + "</tr></thead>\n<tbody>\n" +
          rows + paper +
          "</tbody></table></div>\n<p>GMACs: billions of multiply-accumulates of one forward pass of one "
          "image. The paper's loss gap compares DiT-S and DiT-XL.</p>\n");
}

std::string notes_section(std::span<const Run> runs) {
  std::string html;
  for (const Run& run : runs)
    if (const Json note = at(at(run.manifest, "profile"), "note"); note.is_string() && note != "")
      html += "<p>" + html_escape(note.get<std::string>()) + "</p>\n";
  return html.empty() ? "" : section("What to keep in mind", html);
}

std::string reproduce_section(std::span<const Run> runs) {
  std::string html;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    html += heading(runs, i);
    const Json command = at(runs[i].manifest, "reproduce"), profile = at(runs[i].manifest, "profile");
    if (command.is_string()) html += "<pre><code>" + html_escape(text_of(command)) + "</code></pre>\n";
    if (!profile.is_null())
      html += "<details><summary>The profile as it was resolved</summary>\n<pre><code>" +
              html_escape(without_folders(profile.dump(2))) + "</code></pre>\n</details>\n";
  }
  return section("How to run this again", html);
}

std::string machine_section(std::span<const Run> runs) {
  std::string html;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Json& manifest = runs[i].manifest;
    Json entries = Json::object();
    for (const char* part : {"machine", "build"})
      if (at(manifest, part).is_object()) entries.update(at(manifest, part));
    for (const char* key : {"libtorch", "cuda", "threads", "seed", "data", "start", "end", "forced"})
      entries[key] = at(manifest, key);
    entries["ceilings"] = at(at(manifest, "sweep"), "ceilings");
    html += heading(runs, i) + pairs_table(entries);
  }
  return section("Machine and build", html);
}

std::string failures_section(std::span<const Run> runs) {
  std::string items;
  for (const Run& run : runs)
    for (const Record& record : run.records)
      if (record.status != record::Status::ok)
        items += fmt::format("<li><b>{}</b>, {}: {}: {}</li>\n", html_escape(record.study),
                             html_escape(text_of(record.axes)),
                             record.status == record::Status::failed ? "failed" : "skipped",
                             html_escape(without_folders(record.error)));
  return items.empty() ? "" : section("Cells without a result", "<ul>\n" + items + "</ul>\n");
}

}  // namespace dydit::analysis
