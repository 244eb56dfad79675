// SPDX-License-Identifier: Apache-2.0
// A .pt file as torch.save has written it since PyTorch 1.6: a zip with a pickle that describes the
// tensors, and their storages as entries beside it.
#pragma once

#include <memory>

#include "base/file.h"
#include "checkpoint/tensor.h"
#include "pickle.h"
#include "zip_archive.h"

namespace dydit::checkpoint {

class TorchFile {
 public:
  /// Parses the pickle; storages are not looked at. Throws InputError when the file is malformed or its
  /// value is not a dict.
  explicit TorchFile(std::shared_ptr<const MappedFile> file);

  const Node& root() const { return *root_; }
  /// The dict under `key` of the root, or nothing.
  const Node* section(std::string_view key) const;

  /// The tensors of a state dict: views into the file where they lie contiguous and aligned there, else
  /// copies, of no more than the file's size in all. Throws InputError when an entry is no tensor, or a
  /// tensor reaches outside its storage or shares elements with itself.
  Tensors tensors(const Node& state_dict) const;

 private:
  ZipArchive archive_;
  std::string where_, folder_;
  Pickle pickle_;
  const Node* root_;
};

}  // namespace dydit::checkpoint
