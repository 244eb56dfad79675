// SPDX-License-Identifier: Apache-2.0
// One line of results.jsonl: what was measured in one cell.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dydit::record {

using Json = nlohmann::ordered_json;

struct Metric {
  double value = 0;  ///< not finite: null in the file, and the status of the record says why
  std::string unit;
  std::optional<std::array<double, 2>> ci95 = std::nullopt;
  std::vector<std::vector<double>> blocks = {};  ///< raw samples, grouped by block of repetitions
};

enum class Status { ok, failed, skipped };

struct Record {
  std::string cell;   ///< cell_hash of study, axes, input hashes and seed
  std::string study;  ///< "loss-gap", "loss-map", "train" ...
  Json axes = Json::object();
  Status status = Status::ok;
  std::map<std::string, Metric> metrics = {};
  std::vector<std::string> tensors = {};  ///< names of files in tensors/ that belong to the cell
  std::string process = {};
  Json machine = Json::object();
  std::string error = {};
};

inline constexpr int schema_version = 1;

/// Hash of the canonical form of what identifies a cell: keys sorted, 1.0 written as 1.
std::string cell_hash(const std::string& study, const Json& axes, const std::vector<std::string>& input_hashes,
                      std::uint64_t seed);

/// One line of JSON with its newline.
std::string to_line(const Record& record);
/// Throws InputError when the line is not a record of a known schema.
Record from_line(std::string_view line);

/// The record itself where from_line takes its line; else a failed one of the same cell, without what was measured,
/// that says why. Whatever is written went through here: a record that cannot be read would take the whole run with it.
/// Throws RunError where not even that can be read, as its axes are what is wrong.
Record readable(Record record);

/// `name` as a part of a file name: letters, digits and "._-" stay, "/" becomes "--" (DiT-S--2); where more
/// had to be replaced or cut, a hash follows, so that different names stay apart.
std::string safe_name(const std::string& name);

}  // namespace dydit::record
