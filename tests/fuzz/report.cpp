// SPDX-License-Identifier: Apache-2.0
// What a report computes of a run directory, all but the drawing: its manifest.json, a zero byte, its
// results.jsonl, a zero byte, and a few bytes that tensors/t.safetensors is made of.
#include "analysis/report.h"

#include "checkpoint/safetensors.h"
#include "fuzz.h"
#include "html.h"
#include "sections.h"

namespace {

using namespace dydit;
using checkpoint::Tensor;

class Bytes {
 public:
  explicit Bytes(std::string_view left) : left_(left) {}
  unsigned next() {
    if (left_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    return byte;
  }

 private:
  std::string_view left_;
};

enum class Kind { integers, floats, doubles };

Tensor filled(Bytes& bytes, Kind kind, const std::vector<std::int64_t>& shape) {
  const auto count = static_cast<std::size_t>(checkpoint::elements_of(shape).value());
  std::vector<float> values(count);
  std::vector<std::int64_t> integers(count);
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned byte = bytes.next();
    integers[i] = byte;
    values[i] = 1 / (static_cast<float>(byte) - 255) + 1.0F / 128;  // to infinity, from below and above zero
  }
  if (kind == Kind::doubles) return Tensor::of<double>(std::vector<double>(values.begin(), values.end()), shape);
  return kind == Kind::floats ? Tensor::of<float>(values, shape) : Tensor::of<std::int64_t>(integers, shape);
}

/// Tensors that belong together, but for what further bytes change.
checkpoint::Tensors tensors_of(Bytes bytes) {
  std::int64_t sizes[5];
  for (std::int64_t& size : sizes) size = bytes.next() % 8;
  const auto [n, k, c, h, w] = sizes;
  struct Entry {
    const char* name;
    Kind kind;
    std::vector<std::int64_t> shape;
  };
  checkpoint::Tensors tensors;
  using enum Kind;
  for (auto& [name, kind, shape] : std::vector<Entry>{{"index", integers, {n}},
                                                      {"timestep", integers, {k}},
                                                      {"label", integers, {n}},
                                                      {"mse", floats, {n, k}},
                                                      {"vb", floats, {n, k}},
                                                      {"image", floats, {n, c, h, w}},
                                                      {"map", floats, {n, k, h, w}},
                                                      {"log_snr", doubles, {k}},
                                                      {"epsilon_factor", doubles, {k}},
                                                      {"kept", floats, {n, k}},
                                                      {"heads", floats, {k, h, w}},
                                                      {"channels", floats, {k, h, w}},
                                                      {"tokens", floats, {n, k, h}}}) {
    const unsigned change = bytes.next();
    if (change == 1) continue;
    if (change == 2) kind = kind == floats ? integers : floats;
    if (change == 3) shape.pop_back();
    if (change == 4) kind = doubles;
    if (change >= 64) shape[change % 4 % shape.size()] = change / 4 % 8;
    tensors.emplace(name, filled(bytes, kind, shape));
  }
  return tensors;
}

void show(std::span<const record::Run> runs) {
  const auto undrawn = [](const analysis::Figure& figure, const std::string& caption) {
    return figure.csv + figure.settings + figure.plot + caption;
  };
  const auto sections = analysis::sections_of(runs, {}, undrawn);
  if (analysis::page("title", analysis::subtitle(runs), sections).empty()) __builtin_trap();
}

/// Alone, beside itself, and beside the same run of another process.
void show(const record::Run& run) {
  show(std::span(&run, 1));
  std::vector<record::Run> runs{run, run};
  show(runs);
  runs.back().manifest["process"] = {{"name", "flow"}, {"path", "linear"}};
  show(runs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view parts[3], rest(reinterpret_cast<const char*>(data), size);
  for (std::string_view& part : parts) {
    const auto end = &part == &parts[2] ? rest.npos : rest.find('\0');
    part = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  fuzz::write_input("manifest.json", parts[0]);
  fuzz::write_input("results.jsonl", parts[1]);
  std::filesystem::create_directory(fuzz::folder() / "tensors");
  checkpoint::write_safetensors(fuzz::folder() / "tensors" / "t.safetensors", tensors_of(Bytes(parts[2])));
  const fuzz::HeapLimit limit(size, 32 << 20);
  fuzz::expect_error_or_success([] { show(record::read_run(fuzz::folder())); });
  return 0;
}
