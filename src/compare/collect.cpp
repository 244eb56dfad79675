// SPDX-License-Identifier: Apache-2.0
#include "compare/collect.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/child.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/median.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/text.h"
#include "compare/sequential.h"
#include "words.h"

namespace fs = std::filesystem;

namespace dydit::compare {

namespace {

using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::array side_names{"base", "candidate"};

// Arithmetic and memory that no build of either side changes; about 120 ms. What the last run left behind, caches and
// clocks, is gone after the first 100: mostly it was the other side's.
double canary_seconds() {
  std::vector<float> values(1 << 20);
  std::vector<double> seconds;
  double elapsed = 0;
  while (seconds.empty() || elapsed < 0.12) {
    const auto begin = SteadyClock::now();
    Random(0, Purpose::synthetic, 0).fill_normal(values);
    const double now = Seconds(SteadyClock::now() - begin).count();
    if (elapsed >= 0.1) seconds.push_back(now);
    elapsed += now;
  }
  return median_of(seconds).value;
}

int opened_lock(const fs::path& folder) {
  create_folders(folder);
  return ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

// A path as a word of a shell command.
std::string quoted(const std::string& path) { return fmt::format("'{}'", replaced(path, {{"'", "'\\''"}})); }

bool in_double_quotes(const std::string& command, const std::string& what) {
  char open = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (open == '"' && command.compare(i, what.size(), what) == 0) return true;
    if (command[i] == '\\' && open != '\'')
      ++i;
    else if (open == 0 && (command[i] == '"' || command[i] == '\''))
      open = command[i];
    else if (command[i] == open)
      open = 0;
  }
  return false;
}

// Hashes of programs, scripts and inputs that the commands name, but for what they write to.
nlohmann::ordered_json files_of(const std::array<std::string, 2>& commands) {
  auto hashes = nlohmann::ordered_json::object();
  for (const std::string& command : commands) {
    std::istringstream words(replaced(command, {{"'", " "},
                                                {"\"", " "},
                                                {";", " "},
                                                {"&", " "},
                                                {"=", " "},
                                                {"(", " "},
                                                {")", " "},
                                                {"|", " "},
                                                {"<", " "},
                                                {"`", " "},
                                                {",", " "}}));
    bool written = false;
    for (std::string word; words >> word; written = word.ends_with('>') || word == "tee")
      if (std::error_code ignored; !written && fs::is_regular_file(word, ignored)) hashes[word] = hash_of_file(word);
  }
  return hashes;
}

class Collection {
 public:
  Collection(std::array<std::string, 2> commands, const CollectOptions& options)
      : commands_(std::move(commands)), options_(options), lock_(opened_lock(options.folder)) {
    lock();
    for (std::size_t side = 0; side < 2; ++side) {
      sides_[side].path = options_.folder / side_names[side];
      canary_[side].path = "canary";
      create_folders(sides_[side].path);
    }
    const Rule& rule = options_.rule;  // another one would spend the errors anew
    nlohmann::ordered_json identity{{"schema", 2},
                                    {"commands", commands_},
                                    {"seed", options_.seed},
                                    {"most", options_.most},
                                    {"threshold", rule.threshold},
                                    {"alarms", rule.alarms},
                                    {"same_level", rule.same_level},
                                    {"clock", options_.reading.clock == Clock::real ? "real" : "cpu"}};
    begin_or_go_on(std::move(identity));
    resume();
    if (options_.quiet) return;
    const std::string again =
        runs() > 0 ? fmt::format(", where runs are used again ({} a side): another --out begins anew", runs()) : "";
    fmt::print(stderr, "dydit: collecting in {}{}\n", options_.folder.string(), again);
  }

  /// Process runs of the side that has fewer.
  int runs() const { return static_cast<int>(std::min(sides_[0].runs.size(), sides_[1].runs.size())); }

  /// One run of each side, in random order; where one was interrupted between them, the other.
  void run_pair() {
    const auto pair = static_cast<std::uint64_t>(runs());
    std::array<std::size_t, 2> order{0, 1};
    Random(options_.seed, Purpose::order, pair).shuffle(std::span<std::size_t>(order));
    for (const std::size_t side : order)
      if (sides_[side].runs.size() == pair) run(side);
  }

  /// Runs a side at which the budget ended the collection: it spent what was left of the errors.
  std::optional<int> last_look() const { return last_look_; }
  void end_at(int runs) {
    last_look_ = runs;
    note({{"last_look", runs}});
  }

  void stop() const { stop_if_interrupted(options_.folder.string(), "the same command with that --out goes on"); }

  Results first(std::size_t side, int runs) const { return first_of(sides_[side], runs); }
  Results canary(std::size_t side) const { return first_of(canary_[side], this->runs()); }

 private:
  static Results first_of(const Results& all, int runs) {
    return {.path = all.path, .runs = {all.runs.begin(), all.runs.begin() + runs}, .notes = all.notes};
  }

  fs::path journal() const { return options_.folder / "runs.jsonl"; }

  // The system gives it back when the process ends, however it ends.
  void lock() const {
    const fs::path path = options_.folder / "lock";
    if (lock_.get() < 0) throw RunError("cannot write", path.string(), std::strerror(errno));
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
      throw RunError("another process collects there", options_.folder.string(), "wait for it or choose another --out");
  }

  void begin_or_go_on(nlohmann::ordered_json identity) const {
    const fs::path path = options_.folder / "collect.json";
    const nlohmann::ordered_json files = files_of(commands_);
    if (!fs::exists(path) || !fs::exists(journal())) {  // nothing was run there
      identity["files"] = files;
      write_atomically(path, identity.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
      return;
    }
    auto begun = parse_json<nlohmann::ordered_json>(read_file(path)).value_or(nlohmann::ordered_json::object());
    if (!begun.is_object()) begun = nlohmann::ordered_json::object();
    const nlohmann::ordered_json then = begun.value("files", nlohmann::ordered_json::object());
    begun.erase("files");
    if (begun != identity)
      throw UsageError("holds the runs of other commands or of another rule", options_.folder.string(),
                       "choose another --out");
    for (const auto& [file, hash] : then.items())
      if (files.contains(file) && files[file] != hash)
        throw UsageError(fmt::format("{} is another than when the runs there began", file), options_.folder.string(),
                         "choose another --out");
  }

  InputError no_journal() const { return {"no journal of runs", journal().string(), "choose another --out"}; }

  void resume() {
    if (!fs::exists(journal())) return;
    const std::string text = read_file(journal());
    std::size_t whole = 0;  // a kill cuts the last line short: its run is made again
    for (std::size_t end; (end = text.find('\n', whole)) != std::string::npos; whole = end + 1) {
      const auto line = parse_json<nlohmann::json>(std::string_view(text).substr(whole, end - whole));
      const auto has = [&](const char* key, auto is) {
        return line && line->is_object() && line->contains(key) && is((*line)[key]);
      };
      const auto whole_number = [](const nlohmann::json& value) { return value.is_number_unsigned(); };
      if (has("last_look", whole_number)) {
        const auto looked = (*line)["last_look"].get<std::uint64_t>();
        if (looked < fewest_runs || looked > static_cast<std::uint64_t>(runs())) throw no_journal();
        last_look_ = static_cast<int>(looked);
        continue;
      }
      const bool sound =
          has("side", whole_number) && (*line)["side"] < 2U &&
          has("result", [](const nlohmann::json& value) { return value.is_string(); }) &&
          has("canary_seconds", [](const nlohmann::json& value) { return value.is_number() && value > 0; });
      if (!sound) throw no_journal();
      take((*line)["side"].get<std::size_t>(), (*line)["result"].get<std::string>(),
           (*line)["canary_seconds"].get<double>());
    }
    if (whole < text.size()) write_atomically(journal(), std::string_view(text).substr(0, whole));
  }

  void take(std::size_t side, const std::string& result, double canary) {
    Results read = read_results(options_.folder / result, options_.reading);
    if (read.runs.size() != 1)
      throw InputError("several process runs", read.path.string(), "a command is one process run");
    sides_[side].runs.push_back(std::move(read.runs.front()));
    canary_[side].runs.push_back({{"canary", {.seconds = canary, .counts = {}, .error = {}}}});
  }

  void run(std::size_t side) {
    const std::string number = fmt::format("{:03}", sides_[side].runs.size() + 1);
    const fs::path out = sides_[side].path / number, said = options_.folder / "output.txt";
    fs::remove_all(out);
    const std::string& command = commands_[side];
    const bool writes = command.find("{out}") != std::string::npos;
    const double canary = canary_seconds();
    stop();
    const int code = run_child({"/bin/sh", "-c", replaced(command, {{"{out}", quoted(fs::absolute(out))}})},
                               {.out = writes ? said : out, .err = said});
    stop();
    if (code != 0)
      throw RunError(fmt::format("the command of the {} failed ({})", side_names[side], end_of_child(code)), command,
                     fmt::format("see {}", said.string()));
    if (!fs::exists(out)) throw InputError("the command wrote no result", out.string(), "let it write to {out}");
    fs::path result = out;
    if (fs::is_regular_file(out)) {
      result += ".json";
      fs::rename(out, result);
    }
    const std::string relative = fs::relative(result, options_.folder);
    try {
      take(side, relative, canary);
    } catch (const InputError& error) {
      throw InputError(fmt::format("of the command of the {}: {}", side_names[side], error.what()));
    }
    note({{"side", side}, {"result", relative}, {"canary_seconds", canary}});
  }

  void note(const nlohmann::ordered_json& line) const {
    std::ofstream lines(journal(), std::ios::app);
    lines << line.dump() << std::endl;
    if (!lines) throw RunError("cannot write", journal().string(), "is the disk full?");
  }

  std::array<std::string, 2> commands_;
  const CollectOptions& options_;
  std::array<Results, 2> sides_{}, canary_{};
  std::optional<int> last_look_;
  Descriptor lock_;
};

// The canary's own comparison: the machine between the sides.
void hold_against_canary(Comparison& comparison, const Collection& collection) {
  const Comparison machine = compare(collection.canary(0), collection.canary(1), {.threshold = 0.005, .alarms = 0.01});
  const Compared& canary = machine.benchmarks.front();
  if (!canary.ratio || interval_text(canary).empty()) return;  // so few runs say nothing
  comparison.notes.push_back(fmt::format("canary: {} times as long before the candidate's runs {}", ratio_text(canary),
                                         interval_text(canary)));
  if (canary.verdict != Verdict::slower && canary.verdict != Verdict::faster) return;
  for (Compared& one : comparison.benchmarks)
    if (one.verdict != Verdict::cannot_tell) {
      one.reason = fmt::format(
          "{}, but the machine was another: its canary took {:.3f} times as long before the candidate's runs",
          name_of(one.verdict), *canary.ratio);
      one.verdict = Verdict::cannot_tell;
    }
}

}  // namespace

Comparison collect(const std::string& base, const std::string& candidate, const CollectOptions& options) {
  for (const std::string& command : {base, candidate})
    if (in_double_quotes(command, "{out}"))
      throw UsageError("{out} in quotes", command, "leave them out: it becomes a quoted path");
  const auto begin = SteadyClock::now();
  Collection collection({base, candidate}, options);
  Sequential looks(options.rule, options.most);
  const auto look = [&](int runs, bool last) {
    looks.look(collection.first(0, runs), collection.first(1, runs), last);
  };
  Progress progress("collecting", "pairs of runs", options.most, options.quiet, collection.runs());
  bool alike = false;  // they have benchmarks in common, and these what is gated
  while (looks.next() > 0 && !looks.decided()) {
    const bool spent = options.budget_seconds && Seconds(SteadyClock::now() - begin).count() > *options.budget_seconds;
    if (collection.last_look() && *collection.last_look() < looks.next()) {
      look(*collection.last_look(), true);
    } else if (collection.runs() >= looks.next()) {
      look(looks.next(), false);
    } else if (!alike && collection.runs() > 0) {
      compare(collection.first(0, 1), collection.first(1, 1), options.rule);
      alike = true;
    } else if (spent && collection.runs() >= fewest_runs) {
      collection.end_at(collection.runs());
    } else {
      collection.stop();
      collection.run_pair();
      progress.advance(1);
    }
  }
  Comparison comparison = looks.comparison();
  hold_against_canary(comparison, collection);
  return comparison;
}

}  // namespace dydit::compare
