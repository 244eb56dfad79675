// SPDX-License-Identifier: Apache-2.0
#include "cache/spec.h"

#include <fmt/format.h>

#include <complex>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace dydit::cache {

namespace {

constexpr Bounds<std::int64_t> passes{1, 10'000}, pass{0, 9'999}, block{0, 9'999}, orders{0, 4};
constexpr Bounds<double> thresholds{0, 1000}, centres{0, 9'999}, powers{.least = 1, .most = 10, .least_excluded = true};

const Schema<CacheSpec>& schema() {
  using S = CacheSpec;
  static const auto all =
      Schema<S>()
          .add("interval", &S::interval, passes, "every so many passes one is full")
          .add("first", &S::first, passes, "full passes at the beginning")
          .add("counted_from", &S::counted_from, {"start", "end"}, "from where the interval is counted")
          .add("centre", &S::centre, centres, "pass around which full ones lie dense")
          .add("power", &S::power, powers, "of their distance from it")
          .add("full", &S::full, pass, "the full passes")
          .add("test", &S::test, {"none", "input", "first_block"}, "decides which passes are full")
          .add("threshold", &S::threshold, thresholds, "of the test")
          .add("keep", &S::keep, {"parts", "blocks"}, "what is kept of a full pass")
          .add("first_block", &S::first_block, block, "of the blocks that are kept together")
          .add("last_block", &S::last_block, block, "of the blocks that are kept together")
          .add("order", &S::order, orders, "of Taylor's polynomial")
          .add("decisions", &S::decisions, {"kept", "anew"}, "of routers in passes that are not full");
  return all;
}

void require_whole(const CacheSpec& spec, const std::string& where) {
  const bool tests = spec.test != "none";
  const auto refuse = [&](bool wrong, const char* what, const char* remedy) {
    if (wrong) throw UsageError(what, where, remedy);
  };
  const int schedules = int{spec.interval > 1} + int{!spec.full.empty()} + int{tests};
  refuse(schedules > 1, "several rules for full passes", "give interval, full or test");
  refuse(tests != spec.threshold.has_value(), "a test and its threshold belong together", "give both or none");
  refuse(spec.centre && spec.interval == 1, "a centre without an interval", "give the interval too");
  refuse(spec.centre && spec.counted_from == "end", "a centre counts from no end", "leave counted_from out");
  refuse((tests || !spec.full.empty()) && spec.counted_from == "end", "an end to count from without an interval",
         "leave counted_from out");
  refuse(!spec.centre && spec.power != CacheSpec().power, "a power without a centre", "give the centre too");
  const bool ends = spec.first_block || spec.last_block;
  refuse(ends && spec.keep != "blocks", "blocks that are not kept together", "give keep = \"blocks\"");
  refuse(spec.first_block.value_or(0) > spec.last_block.value_or(block.most), "the last block lies before the first",
         "exchange them");
  refuse(spec.test == "first_block" && ends && spec.first_block.value_or(0) == 0,
         "the block that is tested is not kept", "begin with block 1");
}

// "b..e"
void read_blocks(const std::string& text, CacheSpec& spec, const std::string& where) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) throw UsageError("no blocks", where, "give them as in 3..8");
  spec.keep = "blocks";
  spec.first_block = block.parse(text.substr(0, dots), where);
  spec.last_block = block.parse(text.substr(dots + 2), where);
}

struct Named {
  std::string name, arguments;
  std::function<CacheSpec(const std::vector<std::string>&, const std::string& where)> read;
};

const std::vector<Named>& named() {
  using Texts = const std::vector<std::string>&;
  using Where = const std::string&;
  static const std::vector<Named> all{
      {"fora", "N",
       [](Texts of, Where where) { return CacheSpec{.interval = passes.parse(of[0], where), .counted_from = "end"}; }},
      {"taylorseer", "N,ORDER",
       [](Texts of, Where where) {
         return CacheSpec{.interval = passes.parse(of[0], where), .first = 2, .order = orders.parse(of[1], where)};
       }},
      {"deepcache", "N,b..e",
       [](Texts of, Where where) {
         CacheSpec spec{.interval = passes.parse(of[0], where)};
         read_blocks(of[1], spec, where);
         return spec;
       }},
      {"firstblock", "T",
       [](Texts of, Where where) {
         return CacheSpec{.test = "first_block", .threshold = thresholds.parse(of[0], where), .keep = "blocks"};
       }},
      {"teacache", "T", [](Texts of, Where where) {
         return CacheSpec{.test = "input", .threshold = thresholds.parse(of[0], where), .keep = "blocks"};
       }}};
  return all;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

// As DeepCache's sample_from_quad_center has it: equal steps between two roots of the distance to the centre, of which
// the one before it is complex; what counts is the real part of their powers.
std::vector<std::int64_t> around(double centre, double power, std::int64_t total, std::int64_t count) {
  const auto root = [&](double of) { return std::pow(std::complex<double>(of), 1 / power); };
  const auto begin = root(-centre), end = root(static_cast<double>(total) - centre);
  std::set<std::int64_t> distances;
  for (std::int64_t i = 0; i <= count; ++i) {
    const auto at = i == count ? end : begin + static_cast<double>(i) * ((end - begin) / static_cast<double>(count));
    distances.insert(static_cast<std::int64_t>(std::pow(at, power).real()));
  }
  std::vector<std::int64_t> full{0};
  const std::vector<std::int64_t> sorted(distances.begin(), distances.end());
  for (std::size_t i = 1; i + 1 < sorted.size(); ++i) full.push_back(sorted[i] + static_cast<std::int64_t>(centre));
  return full;
}

std::vector<std::int64_t> around(const CacheSpec& spec, std::int64_t total) {
  const std::int64_t count = (total + spec.interval - 1) / spec.interval;
  if (*spec.centre >= static_cast<double>(total))
    throw UsageError("a centre behind the last pass", fmt::format("centre {}", *spec.centre),
                     fmt::format("the trajectory has {}", total));
  for (double power = spec.power; power > 1; power -= 0.02)
    if (const auto full = around(*spec.centre, power, total, count); std::ssize(full) == count) return full;
  throw UsageError("no power gives so many full passes",
                   fmt::format("centre {}, interval {}", *spec.centre, spec.interval),
                   "give a lower centre or another interval");
}

}  // namespace

CacheSpec cache_from_json(const Json& json, const std::string& where) {
  const CacheSpec spec = schema().from_json(json, where);
  require_whole(spec, where);
  return spec;
}

Json to_json(const CacheSpec& spec) {
  Json json = schema().to_json(spec);
  if (spec.full.empty()) json.erase("full");
  if (!spec.centre) json.erase("power");
  return json;
}

std::string names() {
  std::string all;
  for (const Named& one : named()) all += fmt::format("{}{}:{}", all.empty() ? "" : ", ", one.name, one.arguments);
  return all;
}

std::optional<CacheSpec> cache_named(const std::string& text, const std::string& where) {
  if (text == "none") return std::nullopt;
  const std::string said = where + " " + shortened(text);
  const bool file = text.ends_with(".json");
  if (file || text.starts_with("{")) {
    const Json json = Json::parse(file ? read_file(text) : text, nullptr, /*allow_exceptions=*/false);
    const char* remedy = "give an object of a cache's options";
    if (json.is_discarded() && file) throw InputError("not JSON", text, remedy);
    if (json.is_discarded()) throw UsageError("not JSON", said, remedy);
    return cache_from_json(json, file ? text : said);
  }
  const std::size_t colon = text.find(':');
  const auto found = std::ranges::find(named(), text.substr(0, colon), &Named::name);
  auto arguments = split(colon == std::string::npos ? "" : text.substr(colon + 1), ',');
  const bool anew = arguments.back() == "anew";
  if (anew) arguments.pop_back();
  if (found == named().end() || arguments.size() != split(found->arguments, ',').size())
    throw UsageError("no such cache", said, "give none, " + names() + ", FILE.json or JSON");
  CacheSpec spec = found->read(arguments, said);
  if (anew) spec.decisions = "anew";
  require_whole(spec, said);
  return spec;
}

std::vector<bool> full_passes(const CacheSpec& spec, std::int64_t count) {
  std::vector<bool> full(static_cast<std::size_t>(count));
  const auto mark = [&](std::int64_t at) {
    if (at < 0 || at >= count)
      throw UsageError("a full pass that the trajectory does not have", std::to_string(at),
                       fmt::format("give passes of 0 ... {}", count - 1));
    full[static_cast<std::size_t>(at)] = true;
  };
  for (std::int64_t i = 0; i < std::min(spec.first, count); ++i) mark(i);
  if (spec.test != "none") {
    mark(count - 1);
  } else if (!spec.full.empty()) {
    for (const std::int64_t at : spec.full) mark(at);
  } else if (spec.centre) {
    for (const std::int64_t at : around(spec, count)) mark(at);
  } else {
    for (std::int64_t i = spec.first - 1; i < count; ++i)
      if ((spec.counted_from == "end" ? count - 1 - i : i - (spec.first - 1)) % spec.interval == 0) mark(i);
  }
  return full;
}

Blocks blocks_of(const CacheSpec& spec, std::int64_t depth) {
  const std::int64_t first = spec.first_block.value_or(spec.test == "first_block" ? 1 : 0),
                     last = spec.last_block.value_or(depth - 1);
  if (last >= depth || first > last)
    throw UsageError("blocks that the model does not have", fmt::format("{}..{}", first, last),
                     fmt::format("it has 0 ... {}", depth - 1));
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last)};
}

}  // namespace dydit::cache
