// SPDX-License-Identifier: Apache-2.0
// The forms that the file of a checkpoint may have, each opened as the weights asked for.
#pragma once

#include <functional>
#include <memory>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "pickle.h"

namespace dydit::checkpoint {

/// Throws InputError as `read_safetensors` does, and where the weights asked for are not there.
Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file, Weights weights);

/// A .pt: what torch.save wrote. Both of its forms come down to a pickle that describes the tensors, and the bytes of
/// their storages by key.
struct TorchForm {
  Pickle pickle;
  /// The bytes of a storage, in the mapping; nothing for a key that the file does not hold.
  std::function<std::optional<std::span<const std::byte>>(std::string_view key)> storage;
};

/// Everything that a checkpoint may name: containers, tensors, and what a training script's arguments hold.
std::span<const Global> allowed_globals();

/// Longer pickles are refused, as safetensors headers are.
constexpr std::size_t largest_pickle = 100'000'000;

/// As torch.save has written it since PyTorch 1.6: see zip_form.cpp.
/// Nothing of the storages is read. Throws InputError when it is malformed.
TorchForm open_zip(std::shared_ptr<const MappedFile> file);

/// As torch.save wrote it before: see legacy_form.cpp. Of a storage no more is read than its length, and
/// every length is checked against the file. Throws InputError when it is malformed.
TorchForm open_legacy(std::shared_ptr<const MappedFile> file);
/// Whether the file begins as one of that form.
bool is_legacy(std::string_view text);

/// A storage as a tensor of the pickle refers to it: ("storage", class, key, device, number of elements)
/// and, in the older form, None or (key, offset, number of elements) for a view of it.
struct StorageReference {
  DType type;
  std::string_view key;
  std::int64_t elements;
  std::int64_t offset, length;  ///< the part that the tensor sees; all of it without a view
};

/// Nothing when the persistent identifier is no such reference, or its numbers do not fit each other.
std::optional<StorageReference> storage_reference(const Node& identifier);

/// The weights asked for, of the sets below the root or nested: views into the file where the tensors lie contiguous
/// and aligned there, else copies, of no more than the file's size in all; of the others no more than the shapes is
/// looked at. Throws InputError when the pickle holds no dict, an entry among the weights is no tensor, or a tensor
/// reaches outside its storage or shares elements with itself.
Checkpoint open_torch(const std::shared_ptr<const MappedFile>& file, const TorchForm& form, Weights weights);

}  // namespace dydit::checkpoint
