// SPDX-License-Identifier: Apache-2.0
// A .pt file: what torch.save wrote, in either of its forms.
#pragma once

#include "sections.h"
#include "torch_form.h"

namespace dydit::checkpoint {

class TorchFile {
 public:
  /// `form` as opened from `file`. Throws InputError when its value is not a dict.
  TorchFile(std::shared_ptr<const MappedFile> file, TorchForm form);

  /// The sets of weights in it, below the root or nested. No more of their tensors than the shapes is looked
  /// at.
  Sections sections() const;

  /// The tensors of a section (of all the root where it has no dict), without its prefix: views into the file
  /// where they lie contiguous and aligned there, else copies, of no more than the file's size in all. Throws
  /// InputError when an entry is no tensor, or a tensor reaches outside its storage or shares elements with
  /// itself.
  Tensors tensors(const Section& section) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  TorchForm form_;
  const Node* root_;
};

}  // namespace dydit::checkpoint
