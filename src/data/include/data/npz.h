// SPDX-License-Identifier: Apache-2.0
// The arrays of NumPy's .npz, a zip of .npy files; such as the ADM evaluator reads. No LibTorch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor.h"

namespace dydit::data {

/// An array whose elements are read in turn: as large as it may be, memory is what the reader has.
class NpzArray {
 public:
  NpzArray(NpzArray&&) noexcept;
  ~NpzArray();
  checkpoint::DType type() const;
  const std::vector<std::int64_t>& shape() const;
  /// The next bytes of its elements, row by row. Throws InputError where the file is broken or ends; behind the last
  /// one its checksum has been compared.
  void read(std::span<std::byte> bytes);

 private:
  friend class Npz;
  struct Open;
  explicit NpzArray(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

class Npz {
 public:
  /// Throws InputError for a file that is no readable zip.
  explicit Npz(const std::filesystem::path& path);
  Npz(Npz&&) noexcept;
  ~Npz();
  bool has(const std::string& name) const;  ///< "mu", of "mu.npy"
  /// Throws InputError, naming the array, where it is missing, not a .npy that is read, or its size is not that of its
  /// shape.
  NpzArray open(const std::string& name) const;
  /// Whole. Throws InputError besides for one of more than 256 MiB.
  checkpoint::Tensor read(const std::string& name) const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace dydit::data
