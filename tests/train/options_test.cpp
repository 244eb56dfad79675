// SPDX-License-Identifier: Apache-2.0
#include "train/options.h"

#include "base/error.h"
#include "catch.h"

using namespace dydit::train;
using dydit::Json;

TEST_CASE("options are stored and read back") {
  const Json json = {{"steps", 12},           {"batch", 8},           {"learning_rate", 0.5}, {"warmup_steps", 3},
                     {"decay", "cosine"},     {"weight_decay", 0.1},  {"gradient_clip", 2.5}, {"ema_decay", 0.9},
                     {"label_dropout", 0.2},  {"flip", false},        {"bfloat16", true},     {"record_every", 4},
                     {"checkpoint_every", 5}, {"held_out_images", 6}, {"timestep_strata", 2}};
  CHECK(to_json(train_options_from_json(json)) == json);
  CHECK(to_json(train_options_from_json(Json::object())) == to_json(TrainOptions{}));
}

TEST_CASE("what is no option is refused by its key") {
  CHECK_THROWS_WITH(train_options_from_json({{"step", 5}}),
                    Catch::Contains("train.step:") && Catch::Contains("unknown key"));
  CHECK_THROWS_AS(train_options_from_json(Json::array()), dydit::UsageError);
  const auto [key, value] = GENERATE(table<std::string, Json>({{"steps", 0},
                                                               {"steps", "many"},
                                                               {"steps", 2.5},
                                                               {"batch", -1},
                                                               {"learning_rate", 0},
                                                               {"warmup_steps", -1},
                                                               {"decay", "linear"},
                                                               {"weight_decay", -0.1},
                                                               {"gradient_clip", -1},
                                                               {"ema_decay", 1},
                                                               {"label_dropout", 1.1},
                                                               {"flip", 1},
                                                               {"record_every", 0},
                                                               {"checkpoint_every", 0},
                                                               {"held_out_images", 0}}));
  CAPTURE(key, value.dump());
  CHECK_THROWS_AS(train_options_from_json({{key, value}}), dydit::UsageError);
  CHECK_THROWS_WITH(train_options_from_json({{key, value}}), Catch::Contains("train." + key));
}

TEST_CASE("every number of a training is within bounds, which are told where it is not") {
  struct Key {
    const char* key;
    std::string within;
    std::vector<Json> beyond;
  };
  const std::string count = "from 1 to 1,000,000,000", from_0 = "from 0 to 1,000,000,000",
                    positive = "above 0, up to 1,000,000";
  const auto check = [](const Json& options, const std::string& key, const std::string& within) {
    CAPTURE(options.dump());
    CHECK_THROWS_AS(train_options_from_json(options), dydit::UsageError);
    CHECK_THROWS_WITH(train_options_from_json(options), Catch::Contains(key + " = ") && Catch::EndsWith(within));
  };
  for (const Key& k : std::vector<Key>{{"steps", count, {0, -1, 1'000'000'001, 2.5}},
                                       {"batch", "from 1 to 1,000,000", {0, 1'000'001}},
                                       {"learning_rate", "above 0, up to 1,000", {0, -1, 1001}},
                                       {"warmup_steps", from_0, {-1}},
                                       {"weight_decay", "from 0 to 1,000", {-0.1}},
                                       {"gradient_clip", "from 0 to 1,000,000", {-1}},
                                       {"ema_decay", "from 0 to below 1", {1, -0.1}},
                                       {"label_dropout", "from 0 to 1", {1.1, -0.1}},
                                       {"record_every", count, {0}},
                                       {"checkpoint_every", count, {0}},
                                       {"held_out_images", count, {0}},
                                       {"timestep_strata", "from 1 to 1,000", {0, 1001}}})
    for (const Json& value : k.beyond) check({{k.key, value}}, std::string("train.") + k.key, k.within);
  for (const Key& k : std::vector<Key>{{"lambda", "above 0, up to 1", {0, -0.5, 1.1}},
                                       {"hold_steps", from_0, {-1}},
                                       {"target_warmup_steps", from_0, {-1}},
                                       {"complete_steps", from_0, {-1}},
                                       {"settle_steps", from_0, {-1}},
                                       {"flops_weight", "from 0 to 1,000,000", {-1}},
                                       {"temperature", positive, {0}},
                                       {"width_bias", positive, {0}},
                                       {"token_bias", positive, {-1}}})
    for (const Json& value : k.beyond)
      check({{"dynamic", {{k.key, value}}}}, std::string("train.dynamic.") + k.key, k.within);
}

TEST_CASE("the learning rate warms up and decays") {
  TrainOptions options{.steps = 12, .learning_rate = 2, .warmup_steps = 4};
  CHECK(learning_rate(options, 0) == Approx(0.5));
  CHECK(learning_rate(options, 3) == Approx(2));
  CHECK(learning_rate(options, 11) == Approx(2));
  options.decay = "cosine";
  CHECK(learning_rate(options, 1) == Approx(1));
  CHECK(learning_rate(options, 4) == Approx(2));
  CHECK(learning_rate(options, 6) == Approx(1 + std::sqrt(0.5)));
  CHECK(learning_rate(options, 8) == Approx(1));
  CHECK(learning_rate(options, 12) == Approx(0).margin(1e-12));
  CHECK(learning_rate({.steps = 10, .learning_rate = 3}, 0) == Approx(3));
}

TEST_CASE("the moving average warms up") {
  const TrainOptions options{.ema_decay = 0.9};
  CHECK(ema_decay(options, 1) == Approx(2.0 / 11));
  CHECK(ema_decay(options, 8) == Approx(0.5));
  CHECK(ema_decay(options, 80) == Approx(0.9));
  CHECK(ema_decay(options, 1000) == Approx(0.9));
}
