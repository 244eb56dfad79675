// SPDX-License-Identifier: Apache-2.0
#include "analysis/recorded.h"

#include "base/error.h"
#include "base/file.h"

namespace fs = std::filesystem;

namespace dydit::analysis {

bool tensors_left_out(const record::Run& run) {
  bool named = false;
  for (const record::Record& record : run.records) {
    if (record.status != record::Status::ok) continue;
    for (const std::string& name : record.tensors) {
      named = true;
      if (fs::exists(run.path / "tensors" / (name + ".safetensors"))) return false;
    }
  }
  return named;
}

fs::path recorded_page(const record::Run& run, const fs::path& out) {
  const fs::path page = run.path / "index.html";
  if (!fs::is_regular_file(page))
    throw InputError("neither tensors nor a page", run.path.string(), "measure it again with its profile");
  create_folders(out / "figures");
  if (fs::equivalent(run.path, out)) return page;
  write_atomically(out / "index.html", read_file(page));
  std::error_code no_figures;
  for (const auto& entry : fs::directory_iterator(run.path / "figures", no_figures))
    if (entry.path().extension() == ".csv" || entry.path().extension() == ".gp")
      write_atomically(out / "figures" / entry.path().filename(), read_file(entry.path()));
  return out / "index.html";
}

}  // namespace dydit::analysis
