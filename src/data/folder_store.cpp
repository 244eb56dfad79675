// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "store.h"

namespace dydit::data {

namespace {

namespace fs = std::filesystem;

class FolderStore final : public Store {
 public:
  explicit FolderStore(fs::path root) : root_(std::move(root)) {}

  std::vector<Entry> list() const override {
    std::vector<Entry> entries;
    for (const auto& item :
         fs::recursive_directory_iterator(root_, fs::directory_options::follow_directory_symlink)) {
      const std::string name = item.path().lexically_relative(root_).generic_string();
      if (item.is_directory()) entries.push_back({.name = name + "/"});
      if (item.is_regular_file()) entries.push_back({.name = name, .size = item.file_size()});
    }
    return entries;
  }

  std::string read(const Entry& entry) const override { return read_file(root_ / entry.name); }

 private:
  fs::path root_;
};

}  // namespace

std::unique_ptr<Store> open_folder(const fs::path& path) {
  return std::make_unique<FolderStore>(path);
}

}  // namespace dydit::data
