// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/bounds.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "sets.h"

namespace dydit::data {

namespace {

using checkpoint::DType;

constexpr auto types = std::to_array<std::pair<std::string_view, DType>>({{"<f4", DType::f32},
                                                                          {"<f2", DType::f16},
                                                                          {"<i8", DType::i64},
                                                                          {"<i4", DType::i32},
                                                                          {"<i2", DType::i16},
                                                                          {"|i1", DType::i8},
                                                                          {"|u1", DType::u8}});

struct Fields {
  std::string_view type, order, shape, elements;
};

// Cuts off and returns what stands before `mark`, which goes too.
std::string_view take_until(std::string_view& text, std::string_view mark, const std::string& where) {
  const std::size_t length = text.find(mark);
  if (length == text.npos) throw InputError("unexpected .npy header", where);
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length + mark.size());
  return taken;
}

Fields split(std::string_view file, const std::string& where) {
  const auto need = [&](std::size_t bytes) {
    if (file.size() < bytes) throw InputError("the .npy file ends too early", where);
  };
  need(10);
  if (!file.starts_with("\x93NUMPY")) throw InputError("not an .npy file", where);
  const int version = file[6];
  if (version != 1 && version != 2) throw InputError(fmt::format(".npy version {}", version), where);
  const std::size_t begin = version == 1 ? 10 : 12;
  need(begin);
  std::size_t length = 0;
  for (std::size_t i = begin; i-- > 8;) length = length << 8U | static_cast<unsigned char>(file[i]);
  need(begin + length);

  // The keys in the order in which every writer sorts them.
  std::string_view header = file.substr(begin, length);
  const std::string_view start = take_until(header, "{'descr': '", where);
  const std::string_view type = take_until(header, "', 'fortran_order': ", where);
  const std::string_view order = take_until(header, ", 'shape': (", where);
  const std::string_view shape = take_until(header, "), }", where);
  if (!start.empty() || header.find_first_not_of(" \n") != header.npos)
    throw InputError("unexpected .npy header", where);
  return {type, order, shape, file.substr(begin + length)};
}

std::vector<std::int64_t> parse_shape(std::string_view text, const std::string& where) {
  std::vector<std::int64_t> shape;
  const char *next = text.data(), *const end = next + text.size();
  while (next != end) {
    if (*next == ' ' || *next == ',') {
      ++next;
      continue;
    }
    std::int64_t length = 0;
    const auto [stop, error] = std::from_chars(next, end, length);
    if (error != std::errc() || length < 0) throw InputError("bad shape in the .npy header", where);
    shape.push_back(length);
    next = stop;
  }
  return shape;
}

}  // namespace

checkpoint::Tensor read_npy(const std::filesystem::path& path) {
  const std::string where = path.string(), file = read_file(path);
  const auto [type, order, shape, elements] = split(file, where);
  const auto known = std::ranges::find(types, type, &decltype(types)::value_type::first);
  if (known == types.end())
    throw InputError(fmt::format(".npy of type '{}', which is not read", type), where,
                     "write '<f4' or '<f2', labels as integers");
  if (order != "False") throw InputError(".npy not in C order", where, "write it in C order");

  const auto sizes = parse_shape(shape, where);
  const auto bytes = checkpoint::bytes_of(known->second, sizes);
  if (!bytes) throw InputError("the .npy shape is too large", where);
  if (static_cast<std::size_t>(*bytes) != elements.size())
    throw InputError(fmt::format(".npy with {} bytes of data where its shape needs {}", elements.size(), *bytes),
                     where);
  return checkpoint::Tensor::copy_of(known->second, sizes, std::as_bytes(std::span(elements)));
}

namespace {

namespace fs = std::filesystem;

// The i of every i.npy, ascending.
std::vector<std::int64_t> list_numbers(const fs::path& folder, std::vector<std::string>& left_out) {
  std::vector<std::int64_t> numbers;
  for (const auto& item : fs::directory_iterator(folder)) {
    const std::string stem = item.path().stem().string();
    const auto number = integer_of<std::int64_t>(stem);
    if (item.path().extension() == ".npy" && number &&
        stem == std::to_string(*number))  // "007" would not be found again
      numbers.push_back(*number);
    else if (const std::string name = item.path().filename().string(); !is_hidden(name))
      left_out.push_back(name);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Shape shape_of(const std::vector<std::int64_t>& shape, const std::string& where) {
  if (shape.size() != 4 || shape[0] != 1) throw InputError("the latent's shape is not (1, C, h, w)", where);
  return {shape[1], shape[2], shape[3]};
}

class NpyLatents final : public Labelled {
 public:
  NpyLatents(LatentFolders folders, const fs::path& path) : folders_(std::move(folders)) {
    std::vector<std::string> left_out, no_labels;
    numbers_ = list_numbers(folders_.features, left_out);
    const auto labelled = list_numbers(folders_.labels, no_labels);
    if (!left_out.empty()) notes_.push_back(folders_.features.string() + ": " + left_out_line(left_out));
    if (numbers_.empty()) throw InputError("no latents", folders_.features.string(), "expected 0.npy, 1.npy, ...");
    const auto first = read_npy(feature(0));
    require_latents(first, feature(0).string());
    shape_ = shape_of(first.shape, feature(0).string());
    if (shape_.elements() == 0) throw InputError("empty latents", feature(0).string());
    const fs::path json = path / "labels.json";
    const std::int64_t stated = fs::exists(json) ? parse_labels(read_file(json), {}, json.string()).classes : 0;
    for (const std::int64_t number : numbers_) {
      const fs::path file = folders_.labels / fmt::format("{}.npy", number);
      const auto label = labels_of(read_npy(file), file.string());
      if (label.size() != 1) throw InputError("not one label", file.string());
      count_classes(label, stated, file.string());  // refuses one that is out of range, by its file
      labels_.push_back(label[0]);
    }
    if (labelled.size() > numbers_.size())
      notes_.push_back(
          fmt::format("{}: labels without a latent: {}", path.string(), labelled.size() - numbers_.size()));
    classes_ = count_classes(labels_, stated, path.string());
  }

  std::string name(std::int64_t index) const override {
    return fmt::format("{}/{}.npy", folders_.features.filename().string(),
                       numbers_.at(static_cast<std::size_t>(index)));
  }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    const auto latent = read_npy(feature(index));
    require_latents(latent, name(index));
    if (shape_of(latent.shape, name(index)) != shape_)
      throw InputError("broken latent", name(index), "another shape than the first one's");
    copy_latent(latent, 0, shape_, flip, name(index), out);
  }

  std::string hash() const override {
    std::string text;
    for (std::int64_t i = 0; i < size(); ++i) {
      std::error_code error;
      const auto bytes = fs::file_size(feature(i), error);  // one that cannot be opened is broken
      fmt::format_to(std::back_inserter(text), "{}\n{} {}\n", name(i), error ? 0 : bytes, label(i));
    }
    return hash_of(text);
  }

 private:
  fs::path feature(std::int64_t index) const {
    return folders_.features / fmt::format("{}.npy", numbers_.at(static_cast<std::size_t>(index)));
  }

  LatentFolders folders_;
  std::vector<std::int64_t> numbers_;
};

}  // namespace

std::optional<LatentFolders> find_latent_folders(const fs::path& path) {
  LatentFolders folders;
  for (const auto& item : fs::directory_iterator(path)) {
    const std::string name = item.path().filename().string();
    for (const auto& [ending, folder] :
         {std::pair("_features", &folders.features), std::pair("_labels", &folders.labels)}) {
      if (!name.ends_with(ending) || !item.is_directory()) continue;
      if (!folder->empty()) throw InputError(fmt::format("several folders *{}", ending), path.string(), "keep one");
      *folder = item.path();
    }
  }
  if (folders.features.empty() && folders.labels.empty()) return std::nullopt;
  if (folders.features.empty() || folders.labels.empty())
    throw InputError("needs both *_features and *_labels", path.string());
  return folders;
}

std::unique_ptr<Dataset> open_npy_latents(const LatentFolders& folders, const fs::path& path) {
  return std::make_unique<NpyLatents>(folders, path);
}

}  // namespace dydit::data
