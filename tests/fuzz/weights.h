// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checkpoint/checkpoint.h"
#include "dit/configuration.h"
#include "fuzz.h"

namespace dydit::fuzz {

/// Opens a checkpoint in every way, reads every byte of its tensors, and the configuration off them.
inline void read_weights(std::string_view bytes) {
  constexpr std::size_t constant = 32 << 20;  // a pickle of any size may take 16 MiB
  const auto path = write_input("input", bytes);
  for (const auto weights : {checkpoint::Weights::automatic, checkpoint::Weights::model}) {
    const HeapLimit limit(bytes.size(), constant);
    expect_error_or_success([&] {
      const auto opened = checkpoint::open_checkpoint(path, weights);
      volatile unsigned char sink = 0;
      for (const auto& [name, tensor] : opened.tensors) {
        for (const std::byte byte : tensor.bytes) sink = static_cast<unsigned char>(byte);
        if (checkpoint::bytes_of(tensor.type, tensor.shape) != static_cast<std::int64_t>(tensor.bytes.size()))
          __builtin_trap();
      }
      static_cast<void>(sink);
      dit::configuration_of(opened.tensors, opened.metadata, "input");
    });
  }
}

}  // namespace dydit::fuzz
