// SPDX-License-Identifier: Apache-2.0
// A .pt file: what torch.save wrote, in either of its forms.
#pragma once

#include "torch_form.h"

namespace dydit::checkpoint {

class TorchFile {
 public:
  /// `form` as opened from `file`. Throws InputError when its value is not a dict.
  TorchFile(std::shared_ptr<const MappedFile> file, TorchForm form);

  const Node& root() const { return *root_; }
  /// The dict under `key` of the root, or nothing.
  const Node* section(std::string_view key) const;

  /// The tensors of a state dict: views into the file where they lie contiguous and aligned there, else
  /// copies, of no more than the file's size in all. Throws InputError when an entry is no tensor, or a
  /// tensor reaches outside its storage or shares elements with itself.
  Tensors tensors(const Node& state_dict) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  TorchForm form_;
  const Node* root_;
};

}  // namespace dydit::checkpoint
