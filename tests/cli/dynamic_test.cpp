// SPDX-License-Identifier: Apache-2.0
// Every study of a profile with a dynamic model, by each command that runs it.
#include <map>

#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "dit/weights.h"
#include "record/run_directory.h"
#include "tiny_runs.h"

using namespace dydit;
using test::Arguments;
using test::is_one_error;

namespace {

// Weights by chance, so that routers let some units and tokens through.
void write_model(const std::filesystem::path& path, bool dynamic, const std::map<std::string, double>& spoilt = {}) {
  dit::DiT dit(dit::from_json({{"input_size", 8},
                               {"patch_size", 4},
                               {"in_channels", 3},
                               {"hidden_size", 16},
                               {"depth", 2},
                               {"num_heads", 2},
                               {"num_classes", 10},
                               {"dynamic", dynamic}}));
  torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.3);
  for (const auto& [name, value] : spoilt) dit->named_parameters()[name].view(-1)[0] = value;
  checkpoint::write_safetensors(path, model::parameters_of(*dit),
                                {{dit::configuration_key, dit::to_json(dit->configuration).dump()}});
}

// A dense model and a dynamic one, with every study.
class Profile {
 public:
  Profile() {
    write_model(folder_.path() / "dense.safetensors", /*dynamic=*/false);
    write_model(folder_.path() / "half.safetensors", /*dynamic=*/true);
    write();
  }

  /// The dynamic model with the first values of some parameters replaced.
  void write_half(const std::map<std::string, double>& spoilt) const {
    write_model(folder() / "half.safetensors", /*dynamic=*/true, spoilt);
  }
  std::filesystem::path folder() const { return folder_.path(); }

  /// With one text of the profile replaced by another.
  void write(const std::string& replaced = "", const std::string& by = "") const {
    std::string text = R"(
data = { path = "synthetic:12", size = 8 }
loss-gap = { timesteps = 2, images = 4, chunk = 2 }
loss-map = { timesteps = [500], images = 2, draws = 1, models = ["dense"] }
activation = { timesteps = 2, images = 4, chunk = 2 }
compute-map = { timesteps = [500], images = 2, draws = 1 }
sweep = { trained = ["half"], trained_batch = [2], timesteps = 2, blocks = 1, engine = ["dense", "compact"] }
[[models]]
name = "half"
checkpoint = "half.safetensors"
[[models]]
name = "dense"
checkpoint = "dense.safetensors"
)";
    const auto at = text.find(replaced);
    REQUIRE(at != std::string::npos);
    write_atomically(path(), text.replace(at, replaced.size(), by));
  }

  test::Outcome run(Arguments arguments, const Arguments& more = {}) const {
    arguments.push_back(path());
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (const char* argument : {"--device", "cpu", "--threads", "1"}) arguments.emplace_back(argument);
    return test::run_dydit(arguments, folder_.path());
  }

  /// How many cells of a study, model and, in a sweep, engine and units a command records; none has failed.
  std::map<std::string, int> cells_of(const Arguments& arguments) const {
    const auto out = folder_.path() / "run";
    std::filesystem::remove_all(out);
    const auto outcome = run(arguments, {"--out", out});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    std::map<std::string, int> cells;
    for (const record::Record& record : record::read_run(out).records) {
      CHECK(record.status == record::Status::ok);
      const std::string which = record.axes.value("which", "");
      ++cells[record.study + " " + record.axes.value("model", "") + " " + record.axes.value("engine", "") +
              (which.empty() ? "" : " " + which)];
    }
    return cells;
  }

  /// The one line of a command that is refused as wrong usage.
  std::string refusal_of(const Arguments& arguments, const Arguments& more = {}) const {
    const auto outcome = run(arguments, more);
    CAPTURE(arguments, outcome.out, outcome.err);
    CHECK(outcome.code == 2);
    CHECK(is_one_error(outcome.err));
    return outcome.err;
  }

 private:
  std::filesystem::path path() const { return folder_.path() / "tiny.toml"; }

  test::TemporaryFolder folder_;
};

using Cells = std::map<std::string, int>;
const Cells speed_cells{{"speed half dense all", 1}, {"speed half compact own", 1}, {"speed half compact alike", 1}};

}  // namespace

TEST_CASE("a profile of a dynamic model runs every study, and each command the one that it names") {
  const Profile profile;
  Cells all{{"loss-gap half compact", 2},
            {"loss-gap dense dense", 2},
            {"loss-map dense dense", 1},
            {"activation half compact", 2},
            {"compute-map half compact", 1}};
  all.insert(speed_cells.begin(), speed_cells.end());
  CHECK(profile.cells_of({"reproduce"}) == all);
  CHECK(profile.cells_of({"sweep"}) == speed_cells);
  CHECK(profile.cells_of({"study", "activation"}) == Cells{{"activation half compact", 2}});
  CHECK(profile.cells_of({"study", "compute-map"}) == Cells{{"compute-map half compact", 1}});
}

TEST_CASE("a checkpoint that diverged is refused by the tensor's name, one that overflows fails its cells") {
  const Profile profile;
  const std::string router = "blocks.1.attn_rate.router.weight";
  const auto refused = [&](const Arguments& arguments, const Arguments& more, int code, const std::string& named) {
    const auto outcome = profile.run(arguments, more);
    CAPTURE(arguments, outcome.err);
    CHECK(outcome.code == code);
    CHECK(outcome.err.find(named) != std::string::npos);
    CHECK(outcome.out.find("theoretical") == std::string::npos);
  };
  profile.write_half({{router, NAN}});
  refused({"reproduce"}, {}, 3, router);
  refused({"sweep"}, {}, 3, router);
  // A row of a router whose products overflow in float32.
  profile.write_half({{router, 3e38}, {"t_embedder.mlp.2.bias", 1e6}});
  refused({"study", "activation"}, {"--out", "activation"}, 4, "cells failed");
  refused({"sweep"}, {"--out", "sweep"}, 4, "cells failed");
  for (const char* run : {"activation", "sweep"})
    for (const record::Record& record : record::read_run(profile.folder() / run).records) {
      if (record.axes.value("engine", "") == "dense") continue;
      CHECK(record.status == record::Status::failed);
      CHECK(record.error.find("blocks.1.attn_rate") != std::string::npos);
    }
  const std::string file = profile.folder() / "half.safetensors";
  for (const Arguments& command :
       std::vector<Arguments>{{"info", "--checkpoint", file, "--data", "synthetic:4"},
                              {"train", "--checkpoint", file, "--data", "synthetic:40", "--size", "8", "--lambda",
                               "0.5", "--steps", "2", "--batch", "4", "--out", profile.folder() / "training"}}) {
    const auto outcome = test::run_dydit(command);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 4);
    CHECK(outcome.err.find("blocks.1.attn_rate") != std::string::npos);
  }
}

TEST_CASE("a dry run tells what a profile of a dynamic model runs") {
  const Profile profile;
  const auto told = profile.run({"reproduce"}, {"--dry-run"});
  INFO(told.err);
  CHECK(told.code == 0);
  for (const char* line : {"\nhalf ", "\ndense ", "data: 12 images in 10 classes\n", "about ",
                           "sweep: trained half, batches 2, at 2 timesteps, in 1 blocks each (no estimate)\n"})
    CHECK(told.out.find(line) != std::string::npos);
  CHECK(told.out.find("shares") == std::string::npos);  // nothing runs under imposed masks
}

TEST_CASE("a profile that names models or images that it lacks is refused, also by a dry run") {
  const Profile profile;
  struct Case {
    const char *replaced, *by, *named;
  };
  for (const Case& c : std::vector<Case>{
           {"trained = [\"half\"]", "trained = [\"nobody\"]", "no such model: tiny.toml: sweep.trained: nobody"},
           {"trained = [\"half\"]", "trained = [\"dense\"]", "a model without routers: sweep.trained: dense"},
           {"trained_batch = [2]", "trained_batch = [2, 13]", "fewer images than the sweep's batch"},
           {"chunk = 2 }\ncompute", "models = [\"nobody\"] }\ncompute", "tiny.toml: activation.models: nobody"},
           {"chunk = 2 }\ncompute", "models = [\"half\", \"dense\"] }\ncompute",
            "a model without routers: activation.models: dense"},
           {"draws = 1 }\nsweep", "draws = 1, models = [\"dense\"] }\nsweep",
            "a model without routers: compute-map.models: dense"}}) {
    profile.write(c.replaced, c.by);
    for (const Arguments& more : {Arguments{}, {"--dry-run"}}) {
      const std::string line = profile.refusal_of({"reproduce"}, more);
      CAPTURE(line, c.named);
      CHECK(line.find(c.named) != std::string::npos);
    }
  }
  CHECK(profile.refusal_of({"sweep"}, {"--keep", "0.5"}).find("whose routers decide: --keep") != std::string::npos);
  profile.write("half.safetensors", "gone.safetensors");
  CHECK(profile.run({"reproduce"}, {"--dry-run"}).code == 3);
  profile.write();
  CHECK(profile.refusal_of({"study", "activation"}, {"--model", "dense=dense.safetensors"})
            .find("no model with routers: activation") != std::string::npos);
}
