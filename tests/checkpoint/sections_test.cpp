// SPDX-License-Identifier: Apache-2.0
// Weights under the names that people keep them under, in .pt of both forms and in safetensors: which set is
// taken, what is said of the others, and what is refused.
#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "limits.h"
#include "pickle_writer.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::test::dict, dydit::test::inner_dict, dydit::test::integer, dydit::test::little, dydit::test::protocol,
    dydit::test::storage, dydit::test::text, dydit::test::vector_in;

namespace {

constexpr std::array names{"x_embedder.proj.bias", "blocks.0.attn.qkv.weight", "final_layer.linear.bias"};
constexpr int sets = 4;

/// Four times the number of the set, as floats: what its tensors hold.
std::string data_of(int set) {
  const auto value = static_cast<float>(set);
  const std::string one(reinterpret_cast<const char*>(&value), sizeof value);
  return one + one + one + one;
}

/// A tensor of a set, which lies in the storage of that number.
std::string tensor(int set, std::uint64_t elements = 4) {
  return vector_in(storage(std::to_string(set), 4, "N"), elements);
}
std::string number() {  // of no dimensions
  return fmt::format("ctorch._utils\n_rebuild_tensor_v2\n({}{})){}NtR", storage("0", 4, "N"), integer(0), '\x89');
}
/// The items of a state dict: those of a DiT, each behind `prefix`.
std::string items(int set, const std::string& prefix = "") {
  std::string out;
  for (const char* name : names) out += text(prefix + name) + tensor(set);
  return out;
}
/// One entry of a dict, whose value is a dict.
std::string under(const std::string& key, const std::string& inner) { return text(key) + inner_dict(inner); }
/// An optimizer's state, with a tensor that reaches outside its storage: refused when it is read.
std::string optimiser(const std::string& key) {
  return under(key, under("state", "K\1" + inner_dict(text("exp_avg") + tensor(0, 9))) + text("param_groups") + "]");
}

enum class Form { zip, legacy };

class TorchFile {
 public:
  explicit TorchFile(const std::string& pickle_items, Form form = Form::zip) {
    std::string bytes;
    if (form == Form::zip) {
      std::vector<std::pair<std::string, std::string>> entries{{"a/data.pkl", dict(pickle_items)}};
      for (int set = 0; set < sets; ++set) entries.emplace_back(fmt::format("a/data/{}", set), data_of(set));
      bytes = dydit::test::stored_zip(entries);
    } else {
      bytes = protocol + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + protocol + "M\xe9\x03." +
              dict(text("little_endian") + "\x88") + dict(pickle_items) + protocol + "](";
      std::string data;
      for (int set = 0; set < sets; ++set)
        if (pickle_items.find(storage(std::to_string(set), 4, "N")) != std::string::npos) {
          bytes += text(std::to_string(set));
          data += little(4, 8) + data_of(set);
        }
      bytes += "e." + data;
    }
    dydit::write_atomically(path(), bytes);
  }
  std::filesystem::path path() const { return folder_.path() / "t.pt"; }

 private:
  dydit::test::TemporaryFolder folder_;
};

/// Which set the tensors are, by what they hold; their names are those of a DiT.
float set_of(const Checkpoint& opened) {
  REQUIRE(opened.tensors.size() == names.size());
  const float value = opened.tensors.at(names[0]).as<float>()[0];
  for (const char* name : names) CHECK(opened.tensors.at(name).as<float>()[3] == value);
  return value;
}

struct Wrapped {
  std::string items;
  std::string weights;  ///< what is said of those taken by default
  int model = 1;        ///< the set that --weights model takes, 0 where there is none
  int ema = 2;          ///< the same for the EMA
};

}  // namespace

TEST_CASE("the usual wrappers of a .pt are understood") {
  const auto wrapped = GENERATE(values<Wrapped>({
      {items(1), "model (bare)", 1, 0},
      {items(1, "module."), "model, prefix module. removed", 1, 0},
      {items(1, "_orig_mod."), "model, prefix _orig_mod. removed", 1, 0},
      {items(1, "_orig_mod.module."), "model, prefix _orig_mod.module. removed", 1, 0},
      {items(1, "module._orig_mod."), "model, prefix module._orig_mod. removed", 1, 0},
      {items(1, "model."), "model", 1, 0},
      {under("model", items(1, "module.")) + text("epoch") + "K\3", "model, prefix module. removed", 1, 0},
      {under("state_dict", items(1, "model.")) + text("pytorch-lightning_version") + text("2.1") + text("global_step") +
           "K\3" + text("loops") + "}" + optimiser("optimizer_states"),
       "model (state_dict), prefix model. removed", 1, 0},
      {under("module", items(1)) + under("ema", "") + text("step") + "K\3", "model (module)", 1, 0},
      {under("model_state_dict", items(1)) + optimiser("optimizer_state_dict"), "model (model_state_dict)", 1, 0},
      {under("model", items(1)) + under("ema", items(2)) + optimiser("opt"), "ema; also there: model"},
      {under("state_dict", items(1)) + under("ema_state_dict", items(2)) + text("step") + "K\3",
       "ema (ema_state_dict); also there: model (state_dict)"},
      {under("state_dict", items(1)) + under("state_dict_ema", items(2)) + optimiser("optimizer"),
       "ema (state_dict_ema); also there: model (state_dict)"},
      {under("model", items(1, "module.")) + under("model_ema", items(2, "module.")),
       "ema (model_ema), prefix module. removed; also there: model (model.module)"},
      {under("model", items(1)) + under("ema", under("ema_model", items(2))), "ema (ema.ema_model); also there: model"},
      {under("model", items(1)) +
           under("ema", text("n_averaged") + number() + items(2, "module.")),  // of an AveragedModel
       "ema, prefix module. removed; also there: model"},
      {under("state_dict", items(1, "model.") + items(2, "ema.")),
       "ema (state_dict), prefix ema. removed; also there: model (state_dict.model)"},
      {items(1) + under("ema", items(2)), "ema; also there: model (bare)"},
      {under("ema", items(2)), "ema", 0},
      // as ema-pytorch keeps them: alone, and beside the model
      {text("initted") + tensor(0, 1) + text("step") + number() + items(2, "ema_model.") + items(1, "online_model."),
       "ema, prefix ema_model. removed; also there: model (online_model)"},
      {under("model", items(1)) +
           under("ema", text("initted") + number() + items(2, "ema_model.") + items(3, "online_model.")),
       "ema, prefix ema_model. removed; also there: model, model (ema.online_model)"},
  }));
  const Form form = GENERATE(Form::zip, Form::legacy);
  CAPTURE(wrapped.weights, form == Form::legacy);
  const TorchFile file(wrapped.items, form);
  const auto automatic = open_checkpoint(file.path());
  CHECK(automatic.weights == wrapped.weights);
  CHECK(set_of(automatic) == static_cast<float>(wrapped.ema > 0 ? wrapped.ema : wrapped.model));
  const auto asked = [&](Weights weights, int set, const char* reason) {
    if (set > 0)
      CHECK(set_of(open_checkpoint(file.path(), weights)) == static_cast<float>(set));
    else
      CHECK_THROWS_WITH(open_checkpoint(file.path(), weights),
                        Contains(reason) && Contains("it holds " + wrapped.weights.substr(0, 3)));
  };
  asked(Weights::model, wrapped.model, "holds EMA weights alone");
  asked(Weights::ema, wrapped.ema, "holds no EMA weights");
}

TEST_CASE("what is not understood is named, and the rest taken") {
  const std::string model = under("model", items(1)),
                    shadow = text("shadow_params") + "](" + tensor(2) + tensor(2) + "e";
  const auto [more, named] = GENERATE_COPY(table<std::string, std::string>({
      {under("average_model", items(2)), "'average_model'"},
      {under("averages", under("0.999", items(2))), "'averages'"},
      {under("ema", text("decay") + "K\1" + shadow), "'ema.shadow_params'"},
      {text("ema") + "](" + tensor(2) + "e", "'ema'"},
      {text("ema_params") + "](" + tensor(2) + "e", "'ema_params'"},
      // LitEma: names without their dots
      {under("model_ema", text("xembedderprojbias") + tensor(2) + text("blocks0attnqkvweight") + tensor(2) +
                              text("pos_embed") + tensor(2)),
       "'model_ema.xembedderprojbias', 'model_ema.blocks0attnqkvweight'"},
      {text("rng_state") + tensor(2) + text("step") + number(), "'rng_state'"},
      {under("average_model", items(2)) + under("ema_params", items(2)), "'average_model', 'ema_params'"},
  }));
  CAPTURE(named);
  const TorchFile file(model + more + optimiser("opt") + optimiser("another_optimizer"));
  const auto opened = open_checkpoint(file.path());
  CHECK(opened.weights == "model; not understood: " + named);
  CHECK(set_of(opened) == 1);
  CHECK_THROWS_WITH(open_checkpoint(file.path(), Weights::ema),
                    Contains("holds no EMA weights") && Contains("it holds model; not understood: " + named));
}

TEST_CASE("other parts of a larger module are named, and not taken") {
  const TorchFile file(under("state_dict", items(1, "model.") + text("first_stage_model.conv.weight") + tensor(2)));
  const auto opened = open_checkpoint(file.path());
  CHECK(opened.weights == "model (state_dict), prefix model. removed; not understood: 'state_dict.first_stage_model'");
  CHECK(set_of(opened) == 1);
}

TEST_CASE("weights under no known name, twice or under mixed names are refused, and named") {
  const std::string first = std::string("module.") + names[0];
  std::string mixed = items(1, "module.");
  mixed.replace(mixed.find(text(first)), text(first).size(), text(names[0]));
  const auto [all, reason] = GENERATE_COPY(table<std::string, std::string>({
      {under("net", items(1)), "no weights under a name that is known: "},
      {under("net", items(1)), "not understood: 'net'"},
      {mixed, "'x_embedder.proj.bias' and 'module.blocks.0.attn.qkv.weight'"},
      {items(1) + items(2, "module."), "'x_embedder.proj.bias' and 'module.x_embedder.proj.bias'"},
      {items(1) + text("module.pos_embed") + tensor(2), "'x_embedder.proj.bias' and 'module.pos_embed'"},
      {under("state_dict", items(1)) + under("model", items(2)),
       "'state_dict.x_embedder.proj.bias' and 'model.x_embedder.proj.bias'"},
      {under("ema", items(1)) + under("ema_model", items(2)), "'ema.x_embedder.proj.bias' and 'ema_model.x_"},
      {under("model", items(1)) + under("model", items(2)), "two sets of weights"},
      {items(1) + text("epoch") + "K\3", "entry 'epoch' among the weights is not a tensor"},
      {under("model", items(1) + text("blocks.0.attn._extra_state") + "N"), "entry 'blocks.0.attn._extra_state'"},
  }));
  CAPTURE(reason);
  const TorchFile file(all);
  CHECK_THROWS_WITH(open_checkpoint(file.path()), Contains(reason));
  CHECK_THROWS_AS(open_checkpoint(file.path()), InputError);
}

TEST_CASE("attributes of a state dict are left aside") {
  const std::string ordered = "ccollections\nOrderedDict\n)R";
  const std::string state_dict =
      ordered + "(" + items(1) + "u" +
      inner_dict(text("_metadata") + ordered + "(" + text("") + inner_dict(text("version") + "K\1") + "u") + "b";
  CHECK(set_of(open_checkpoint(TorchFile(text("model") + state_dict).path())) == 1);
}

TEST_CASE("sections of a safetensors file are prefixes") {
  struct Case {
    std::vector<std::pair<std::string, int>> prefixes;
    std::string weights;
    int model, ema;
  };
  const auto each = GENERATE(values<Case>({
      {{{"", 1}}, "model (bare)", 1, 0},
      {{{"model.", 1}}, "model", 1, 0},
      {{{"module.", 1}}, "model, prefix module. removed", 1, 0},
      {{{"model._orig_mod.module.", 1}}, "model, prefix model._orig_mod.module. removed", 1, 0},
      {{{"model.", 1}, {"ema.", 2}, {"opt.", 3}}, "ema; also there: model", 1, 2},
      {{{"model.", 1}, {"opt.", 3}}, "model", 1, 0},
      {{{"ema.", 2}, {"opt.", 3}}, "ema", 0, 2},
      {{{"", 1}, {"ema.", 2}}, "ema; also there: model (bare)", 1, 2},
      {{{"state_dict.model.", 1}, {"model_ema.module.", 2}, {"optimizer.", 3}},
       "ema, prefix model_ema.module. removed; also there: model (state_dict.model)",
       1,
       2},
      {{{"ema_model.", 2}, {"online_model.", 1}},
       "ema, prefix ema_model. removed; also there: model (online_model)",
       1,
       2},
      {{{"model.", 1}, {"average_model.", 2}, {"vae.", 3}}, "model; not understood: 'average_model', 'vae'", 1, 0},
  }));
  CAPTURE(each.weights);
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  Tensors tensors;
  for (const auto& [prefix, set] : each.prefixes)
    for (const char* name : names) {
      const std::vector<float> values(4, static_cast<float>(set));
      tensors[prefix + name] = Tensor::of<float>(values, {4});
    }
  write_safetensors(path, tensors, {{"k", "v"}});
  const auto automatic = open_checkpoint(path);
  CHECK(automatic.weights == each.weights);
  CHECK(automatic.metadata.at("k") == "v");
  CHECK(set_of(automatic) == static_cast<float>(each.ema > 0 ? each.ema : each.model));
  if (each.model > 0) CHECK(set_of(open_checkpoint(path, Weights::model)) == static_cast<float>(each.model));
  if (each.model == 0) CHECK_THROWS_WITH(open_checkpoint(path, Weights::model), Contains("it holds ema"));
  if (each.ema == 0) CHECK_THROWS_WITH(open_checkpoint(path, Weights::ema), Contains("it holds model"));

  // The EMA aside, that is a part of the same model under another prefix.
  tensors["module.pos_embed"] = Tensor::of<float>(std::vector<float>(4), {4});
  write_safetensors(path, tensors);
  if (each.ema == 0 && each.prefixes[0].first != "module.")
    CHECK_THROWS_WITH(open_checkpoint(path), Contains("mixed names") && Contains("'module.pos_embed'"));
}

TEST_CASE("dicts that hold themselves or each other are looked through within limits") {
  // One that holds itself; five of which each holds the one before under seven names, and the first 3,000
  // entries.
  const std::string zero(1, '\0');
  std::string self = protocol + "}q" + zero + "(";
  for (const char* word : {"model", "module", "ema", "state_dict", "ema_model", "average"})
    self += text(word) + "h" + zero;
  std::string wide = protocol + "}(";
  for (int i = 0; i < 3000; ++i) wide += text(fmt::format("{}", i)) + "K\1";
  wide += "uq" + zero + "0";
  for (int level = 1; level < 5; ++level) {
    wide += "}(";
    for (const char* word : {"model", "module", "ema", "state_dict", "ema_model", "model_ema", "average"})
      wide += text(word) + "h" + std::string(1, static_cast<char>(level - 1));
    wide += "uq" + std::string(1, static_cast<char>(level)) + (level < 4 ? "0" : "");
  }
  for (const std::string& pickle : {self + "u.", wide + "."}) {
    const dydit::test::TemporaryFolder folder;
    dydit::write_atomically(folder.path() / "t", dydit::test::stored_zip({{"a/data.pkl", pickle}}));
    CHECK(dydit::test::outcome_within(folder.path() / "t", {.seconds = 2, .memory = 8 << 20}) ==
          dydit::test::Outcome::refused);
  }
}

TEST_CASE("a prefix of endless words is no prefix") {
  const std::string words = dydit::test::many("module.", 100);
  CHECK_THROWS_WITH(open_checkpoint(TorchFile(under("a", items(1))).path()), Contains("'a'"));
  const auto opened = open_checkpoint(TorchFile(items(1, words)).path());
  CHECK(opened.weights.size() < 300);
  CHECK(opened.tensors.begin()->first.starts_with("module."));
}
