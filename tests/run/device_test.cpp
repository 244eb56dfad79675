// SPDX-License-Identifier: Apache-2.0
#include "model/device.h"
#include "base/error.h"
#include "catch.h"
#include "run/runner.h"

using namespace dydit;

TEST_CASE("devices and types of numbers by name") {
  CHECK(run::device_named("cpu") == torch::kCPU);
  CHECK_NOTHROW(run::device_named("auto"));
  CHECK_THROWS_AS(run::device_named("cuda:99"), RunError);
  for (const char* name : {"", "gpu", "CPU", "cpu:0", "cuda0"}) CHECK_THROWS_AS(run::device_named(name), UsageError);
  CHECK(dydit::model::dtype_named("bfloat16") == torch::kBFloat16);
  CHECK_THROWS_AS(dydit::model::dtype_named("float64"), UsageError);
}
