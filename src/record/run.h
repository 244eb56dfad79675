// SPDX-License-Identifier: Apache-2.0
// What stands in a run directory, as reading and writing share it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

#include "record/record.h"

namespace dydit::record {

/// Throws InputError for a name that no safe_name gives.
std::filesystem::path tensor_file(const std::filesystem::path& run, const std::string& name);

/// Throws InputError where there is none of a known schema.
Json read_manifest(const std::filesystem::path& run);

/// Records by cell, in the order in which the cells first appeared.
class Results {
 public:
  /// A record of a cell that is there replaces it.
  void add(Record record);
  const Record* find(const std::string& cell) const;
  const std::vector<Record>& records() const { return records_; }

  std::uint64_t whole_bytes = 0;  ///< of the file; what follows is a torn line
  bool ends_with_newline = true;  ///< of the whole bytes

 private:
  std::vector<Record> records_;
  std::map<std::string, std::size_t> position_;
};

/// Reads results.jsonl; a file that is not there is empty. A last line cut short by a kill is left out;
/// throws InputError with the line number for any other bad line.
Results read_results(const std::filesystem::path& path);

}  // namespace dydit::record
