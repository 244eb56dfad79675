// SPDX-License-Identifier: Apache-2.0
#include "sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "byte_reader.h"

namespace dydit::checkpoint {

namespace {

constexpr auto known_words = std::to_array<std::pair<std::string_view, Word>>({
    {"model", Word::wrapper},
    {"state_dict", Word::wrapper},
    {"model_state_dict", Word::wrapper},
    {"module", Word::wrapper},     // DistributedDataParallel, DeepSpeed, AveragedModel
    {"_orig_mod", Word::wrapper},  // torch.compile
    {"ema", Word::ema},
    {"ema_state_dict", Word::ema},
    {"model_ema", Word::ema},
    {"state_dict_ema", Word::ema},  // timm
    {"ema_model", Word::ema},       // ema-pytorch, with the model itself beside it
    {"online_model", Word::online},
    {"opt", Word::optimiser},
    {"opt_state", Word::optimiser},
    {"optim", Word::optimiser},
    {"optimizer", Word::optimiser},
    {"optimizers", Word::optimiser},
    {"optimizer_state", Word::optimiser},
    {"optimizer_states", Word::optimiser},
    {"optimizer_state_dict", Word::optimiser},
});

/// What the names of a DiT begin with, official ones and those of diffusers. They only tell weights from what
/// else lies beside them.
constexpr auto parts_of_dit =
    std::to_array<std::string_view>({"x_embedder", "t_embedder", "y_embedder", "pos_embed", "blocks", "final_layer",
                                     "transformer_blocks", "proj_out_1", "proj_out_2"});

constexpr std::size_t most_sections = 64, most_unknown = 8;

bool has_word(const Section& section, Word word) {
  const std::string words = section.keys + section.prefix;
  for (std::size_t begin = 0, end = 0; (end = words.find('.', begin)) != std::string::npos; begin = end + 1)
    if (word_of(std::string_view(words).substr(begin, end - begin)) == word) return true;
  return false;
}

bool is_ema(const Section& section) { return has_word(section, Word::ema) && !has_word(section, Word::online); }

const char* whose(const Section& section) { return is_ema(section) ? "ema" : "model"; }

/// "ema (state_dict.ema)", or "ema" where the words say no more; they end in a dot.
std::string label(const Section& section, std::string words) {
  if (words.empty()) return fmt::format("{} (bare)", whose(section));
  words.pop_back();
  return words == whose(section) ? words : fmt::format("{} ({})", whose(section), words);
}

std::string label(const Section& section) { return label(section, section.keys + section.prefix); }

std::string labels(const std::vector<const Section*>& sections) {
  std::vector<std::string> all;
  for (const Section* section : sections) all.push_back(label(*section));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

Word word_of(std::string_view text) {
  for (const auto& [known, word] : known_words)
    if (known == text) return word;
  return Word::none;
}

std::optional<std::string_view> prefix_of(std::string_view name) {
  std::size_t length = 0;
  for (int words = 0; words < most_words; ++words) {
    const std::size_t dot = name.find('.', length);
    if (dot == std::string_view::npos || dot + 1 == name.size()) break;
    const Word word = word_of(name.substr(length, dot - length));
    if (word == Word::optimiser) return std::nullopt;
    if (word == Word::none) break;
    length = dot + 1;
  }
  return name.substr(0, length);
}

void Sections::add(const Node* dict, std::string_view keys, std::string_view name, bool number) {
  const auto prefix = prefix_of(name);
  if (!prefix) return;
  auto found = std::ranges::find_if(
      sections_, [&](const Section& each) { return each.dict == dict && each.keys == keys && each.prefix == *prefix; });
  if (found == sections_.end()) {
    if (sections_.size() == most_sections) refuse("file holds far too many sets of weights", where_);
    sections_.push_back({.dict = dict, .keys = std::string(keys), .prefix = std::string(*prefix), .first = name});
    found = sections_.end() - 1;
  }
  const std::string_view rest = name.substr(prefix->size()), part = rest.substr(0, rest.find('.'));
  if (!number) found->numbers_alone = false;
  if (std::ranges::find(parts_of_dit, part) != parts_of_dit.end()) {
    ++found->dit_names;
  } else if (!number) {
    ++found->other_names;
    if (found->other.size() < most_unknown && std::ranges::find(found->other, part) == found->other.end())
      found->other.push_back(part);
  }
}

void Sections::add_unknown(std::string_view keys, std::string_view name) {
  if (unknown_.size() < most_unknown)
    unknown_.push_back(printable(fmt::format("{}{}", keys, name.substr(0, 200))));  // which cuts it shorter
}

std::vector<const Section*> Sections::candidates() const {
  const bool of_dit = std::ranges::any_of(sections_, &Section::of_dit);
  const bool numbers_alone = std::ranges::all_of(sections_, &Section::numbers_alone);
  std::vector<const Section*> candidates;
  for (const Section& section : sections_)
    if (of_dit ? section.of_dit() : numbers_alone || !section.numbers_alone) candidates.push_back(&section);
  return candidates;
}

/// "; not understood: ...": what is no candidate, but for counters.
std::string Sections::unknown() const {
  std::vector<std::string> names = unknown_;
  const auto taken = candidates();
  for (const Section& section : sections_)
    if (!section.numbers_alone && std::ranges::find(taken, &section) == taken.end())
      for (const std::string_view part : section.other)
        names.push_back(printable(fmt::format("{}{}{}", section.keys, section.prefix, part.substr(0, 200))));
  if (names.empty()) return "";
  const bool all = names.size() < most_unknown;
  names.resize(std::min(names.size(), most_unknown));
  return fmt::format("; not understood: {}{}", fmt::join(names, ", "), all ? "" : " ...");
}

Section Sections::choose(Weights asked) const {
  const auto there = candidates();
  if (there.empty() && !unknown_.empty())
    refuse("checkpoint holds no weights under a name that is known", where_,
           unknown().substr(2) + "; keep them under model, state_dict or ema");
  if (there.empty()) return {};
  std::vector<const Section*> ema, model;
  for (const Section* section : there) (is_ema(*section) ? ema : model).push_back(section);
  const std::string holds = "it holds " + labels(there) + unknown();
  if (asked == Weights::ema && ema.empty()) refuse("checkpoint holds no EMA weights", where_, holds);
  if (asked == Weights::model && model.empty()) refuse("checkpoint holds EMA weights alone", where_, holds);
  // The model that an average keeps beside itself is a second copy where the file has the model anyway.
  if (std::ranges::any_of(model, [](const Section* each) { return !has_word(*each, Word::online); }))
    std::erase_if(model, [](const Section* each) { return has_word(*each, Word::online); });
  const auto& chosen = ema.empty() || asked == Weights::model ? model : ema;
  if (chosen.size() > 1) {
    const auto named = [](const Section& each) { return printable(each.keys + std::string(each.first)); };
    refuse("two sets of weights, or one under mixed names", where_,
           fmt::format("{} and {}: save one set under names of one kind{}", named(*chosen[0]), named(*chosen[1]),
                       &chosen == &ema && model.size() == 1 ? ", or ask for the model's weights" : ""));
  }
  return *chosen.front();
}

std::string Sections::describe(const Section& chosen) const {
  std::vector<const Section*> others = candidates();
  std::erase_if(others, [&](const Section* each) {
    return each->dict == chosen.dict && each->keys == chosen.keys && each->prefix == chosen.prefix;
  });
  const std::string& prefix = chosen.prefix;
  std::string text = chosen.keys.empty() && !prefix.empty() ? whose(chosen) : label(chosen, chosen.keys);
  if (!prefix.empty() && prefix != text + ".")  // as "ema." is in a safetensors file
    text += fmt::format(", prefix {} removed", prefix);
  if (!chosen.of_dit() && !chosen.other.empty())
    text += fmt::format(" (not of a DiT: {})", printable(chosen.other.front()));
  if (!others.empty()) text += "; also there: " + labels(others);
  return text + unknown();
}

}  // namespace dydit::checkpoint
