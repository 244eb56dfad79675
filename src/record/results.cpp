// SPDX-License-Identifier: Apache-2.0
#include "results.h"

#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace dydit::record {

void Results::add(Record record) {
  const auto [entry, is_new] = position_.try_emplace(record.cell, records_.size());
  if (is_new)
    records_.push_back(std::move(record));
  else
    records_[entry->second] = std::move(record);
}

const Record* Results::find(const std::string& cell) const {
  const auto entry = position_.find(cell);
  return entry == position_.end() ? nullptr : &records_[entry->second];
}

ResultsFile read_results(const std::filesystem::path& path) {
  ResultsFile file;
  if (!std::filesystem::exists(path)) return file;
  const std::string text = read_file(path);
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto length = rest.find('\n');
    const std::string_view line = rest.substr(0, length);
    rest.remove_prefix(length == std::string_view::npos ? rest.size() : length + 1);
    // No proper beginning of an object is JSON itself, so a last line that parses is whole.
    if (rest.empty() && !Json::accept(line)) break;
    try {
      file.results.add(from_line(line));
    } catch (const InputError& error) {
      throw InputError(error.what(), path.string() + ", line " + std::to_string(number));
    }
    file.whole_bytes = text.size() - rest.size();
    file.ends_with_newline = length != std::string_view::npos;
  }
  return file;
}

}  // namespace dydit::record
