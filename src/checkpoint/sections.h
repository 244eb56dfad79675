// SPDX-License-Identifier: Apache-2.0
// The sets of weights in a file, by the names that people keep them under: {"model": {"module.blocks.0 ...":
// ...}, "ema_state_dict": {...}} in a .pt, "model.blocks.0 ..." beside "ema.blocks.0 ..." in a safetensors
// file.
//
// Known words (a table in sections.cpp) say whose a tensor is: keys of the dicts around it, then a prefix of
// its name. Tensors under the same words are a section. The words make it the EMA's where one of them is an
// EMA's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace dydit::checkpoint {

struct Node;

enum class Word {
  none,
  wrapper,    ///< "state_dict", "module" ...
  ema,        ///< "ema", "ema_state_dict" ...
  online,     ///< "online_model": beside its average, the model itself
  optimiser,  ///< what is below is never looked at
};
Word word_of(std::string_view text);

/// More are not taken for what they say.
constexpr int most_words = 4;

/// The known words that a tensor's name begins with, each with its dot; nothing for an optimizer's tensor.
std::optional<std::string_view> prefix_of(std::string_view name);

struct Section {
  const Node* dict = nullptr;                  ///< that holds its tensors; null in a safetensors file
  std::string keys = {};                       ///< of the dicts around it: "state_dict."
  std::string prefix = {};                     ///< of its tensors' names: "module."
  std::string_view first = {};                 ///< name of its first tensor, with the prefix
  std::size_t dit_names = 0, other_names = 0;  ///< how many are names of a DiT or not, counters' aside
  bool numbers_alone = true;                   ///< counters: no tensor has more than one element
  std::vector<std::string_view> other = {};    ///< what names of no DiT begin with

  bool of_dit() const { return dit_names > other_names; }
};

class Sections {
 public:
  explicit Sections(std::string where) : where_(std::move(where)) {}

  /// A tensor in a dict, whose keys and name live as long as this; `number`: it has one element. Throws
  /// InputError for more sections than any file has.
  void add(const Node* dict, std::string_view keys, std::string_view name, bool number);
  /// An entry that holds tensors, under no known name or in no known form.
  void add_unknown(std::string_view keys, std::string_view name);

  /// The section to take; with no dict where there is none. Throws InputError when what is asked for is not
  /// there (saying what is), or is there twice or under mixed names (naming a tensor of each).
  Section choose(Weights asked) const;
  /// Which section was chosen, what else there is, and what was not understood: Checkpoint::weights.
  std::string describe(const Section& chosen) const;

 private:
  /// Those that may be weights: of a DiT, if any is; else all but counters.
  std::vector<const Section*> candidates() const;
  std::string unknown() const;

  std::string where_;
  std::vector<Section> sections_;
  std::vector<std::string> unknown_;
};

}  // namespace dydit::checkpoint
