// SPDX-License-Identifier: Apache-2.0
#include "base/bounds.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "catch.h"

using namespace dydit;
using Catch::Matchers::Equals;

static const Bounds<std::int64_t> images{0, 1'000'000'000};
static const Bounds<double> lambda{.least = 0, .most = 1, .least_excluded = true};
static const Bounds<double> decay{.least = 0, .most = 1, .most_excluded = true};
static const Bounds<std::uint64_t> seed{0, std::numeric_limits<std::uint64_t>::max()};

TEST_CASE("bounds are said in plain digits") {
  CHECK(images.remedy() == "give a whole number from 0 to 1,000,000,000");
  CHECK(Bounds<std::int64_t>{-1000, 999}.words() == "from -1,000 to 999");
  CHECK(Bounds<std::int64_t>{-100, 1000}.words() == "from -100 to 1,000");
  CHECK(lambda.remedy() == "give a number above 0, up to 1");
  CHECK(decay.remedy() == "give a number from 0 to below 1");
  CHECK(Bounds<double>{0.25, 3600}.words() == "from 0.25 to 3,600");
  CHECK(seed.words() == "from 0 to 18,446,744,073,709,551,615");
}

TEST_CASE("a number is read from the whole of its digits") {
  CHECK(images.parse("0", "--images") == 0);
  CHECK(images.parse("1000000000", "--images") == 1'000'000'000);
  CHECK(seed.parse("18446744073709551615", "--seed") == std::numeric_limits<std::uint64_t>::max());
  CHECK(lambda.parse("1", "--lambda") == 1);
  CHECK(lambda.parse("5e-1", "--lambda") == 0.5);
  CHECK(decay.parse("0", "--decay") == 0);
}

template <typename T>
static void refuse(const Bounds<T>& bounds, const char* text, const std::string& what) {
  CAPTURE(text);
  CHECK_THROWS_AS(bounds.parse(text, "--option"), UsageError);
  CHECK_THROWS_WITH(bounds.parse(text, "--option"),
                    Equals(what + ": --option " + (*text == 0 ? "''" : text) + ": " + bounds.remedy()));
}

TEST_CASE("what is no number, or not within, is refused with the bounds") {
  for (const char* text :
       {"", " 5", "5 ", "0x10", "5abc", "1e3", "3.5", "nan", "inf", "+5", "-", "--5", "five", "4,5"}) {
    refuse(images, text, "not a whole number");
    refuse(seed, text, "not a whole number");
  }
  for (const char* text : {"-1", "1000000001", "9223372036854775808", "18446744073709551616", "-9223372036854775809"})
    refuse(images, text, "value out of range");
  for (const char* text : {"-1", "18446744073709551616"}) refuse(seed, text, "value out of range");
  for (const char* text : {"", " 0.5", "0x1", "0.5abc", "half", "0,5"}) refuse(lambda, text, "not a number");
  for (const char* text :
       {"0", "-0", "nan", "-nan", "inf", "-inf", "1.0000001", "1e999", "-1e999", "9223372036854775808"})
    refuse(lambda, text, "value out of range");
  refuse(decay, "1", "value out of range");
}

TEST_CASE("a message stays short whatever was given") {
  CHECK(shortened("abc") == "abc");
  CHECK_THROWS_WITH(images.parse(std::string(5000, '9'), "--images"),
                    Equals("value out of range: --images " + std::string(40, '9') + "...: " + images.remedy()));
}
