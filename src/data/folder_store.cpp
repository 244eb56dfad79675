// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
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
    fs::recursive_directory_iterator next(root_, fs::directory_options::follow_directory_symlink);
    for (; next != fs::recursive_directory_iterator(); ++next) {
      std::error_code error;
      const std::string name = next->path().lexically_relative(root_).generic_string();
      if (next->is_directory(error)) {
        require_outside(*next, next.depth());
        entries.push_back({.name = name + "/"});
        continue;
      }
      next.disable_recursion_pending();  // it would follow a broken link
      // An image that cannot be opened counts as broken when it is read.
      const auto size = next->file_size(error);
      if (error && next->is_symlink() && !is_image(name) && !is_hidden(name))
        throw InputError("cannot open what may be a folder", next->path().string(),
                         "mend the link, or remove it");
      entries.push_back({.name = name, .size = error ? 0 : size});
    }
    return entries;
  }

  std::string read(const Entry& entry) const override { return read_file(root_ / entry.name); }

 private:
  // A link to one of the `depth` + 1 folders around it would be followed without end.
  static void require_outside(const fs::directory_entry& folder, int depth) {
    if (!folder.is_symlink()) return;
    fs::path around = folder.path();
    for (int i = 0; i <= depth; ++i) {
      around = around.parent_path();
      if (fs::equivalent(around, folder.path()))
        throw InputError("the folder contains itself", folder.path().string(), "remove the link");
    }
  }

  fs::path root_;
};

}  // namespace

std::unique_ptr<Store> open_folder(const fs::path& path) {
  return std::make_unique<FolderStore>(path);
}

}  // namespace dydit::data
