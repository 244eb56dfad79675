// SPDX-License-Identifier: Apache-2.0
// Where the time of a pass goes: made-up rows of a profile, and what the page says of them.
#include "analysis/kernels.h"

#include <cmath>
#include <filesystem>

#include "analysis/figures.h"
#include "analysis/report.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_profile.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using record::Record;

TEST_CASE("a profile's cells have their rows, the complete model first") {
  const auto studies = profile_studies_of(made_up_profile());
  REQUIRE(studies.size() == 1);
  REQUIRE(studies[0].cells.size() == 2);
  CHECK(studies[0].complete()->name() == "dense");
  const ProfileCell& compact = studies[0].asked();
  CHECK(compact.name() == "compact (both, 0.5)");
  REQUIRE(compact.rows.size() == 4);
  CHECK(compact.rows[0].range == "pass/block/mlp/fc1");
  CHECK(compact.gap_time() == 3);
  CHECK(compact.whole_time() == 8);
  CHECK(compact.limit(compact.rows[0]) == Limit::products);  // 2 ms of MACs, 0.1 ms of bytes
  CHECK(compact.limit(compact.rows[3]) == Limit::memory);
  CHECK(compact.limit(compact.rows[1]) == Limit::unknown);
  CHECK(compact.rows[0].rate() == 500);
  CHECK(compact.rows[0].share_of_bound() == 0.5);
  CHECK(std::isnan(compact.rows[1].gmacs));  // a gap has none
}

TEST_CASE("opportunities are ms above the bound, gaps count whole, and one short name of one range is one") {
  auto records = made_up_profile();
  records.insert(records.begin(), kernel_row("compact", "pass/block/mlp/fc1", "void gemm<float, 64>()", 1, 0.5));
  records.insert(records.begin(), kernel_row("compact", "pass/block/scatter", "fast", 1, 2));  // below its bound
  const auto studies = profile_studies_of(records);
  const auto found = studies[0].asked().opportunities();
  REQUIRE(found.size() == 4);
  CHECK(found[0].kernel == "gemm");
  CHECK(found[0].excess == Approx(2.5));
  CHECK(found[1].kernel == "(launch)");
  CHECK(found[1].excess == 2);
  CHECK(found[3].excess == Approx(0.1));
  CHECK(studies[0].asked().opportunities(1).size() == 1);
}

TEST_CASE("impossible rows and cells are refused") {
  const auto changed = [](auto change) {
    auto records = made_up_profile();
    change(records[0]);
    return records;
  };
  CHECK_THROWS_AS(profile_studies_of(changed([](Record& r) { r.axes.erase("range"); })), InputError);
  CHECK_THROWS_AS(profile_studies_of(changed([](Record& r) { r.axes["kernel"] = ""; })), InputError);
  CHECK_THROWS_AS(profile_studies_of(changed([](Record& r) { set(r, "kernel_time", -1); })), InputError);
  CHECK_THROWS_AS(profile_studies_of(changed([](Record& r) { set(r, "kernel_bytes", -1); })), InputError);
  auto records = made_up_profile();
  set(records.back(), "collected_time", -1);
  CHECK_THROWS_AS(profile_studies_of(records), InputError);
}

TEST_CASE("short names keep the telling part") {
  CHECK(short_kernel("void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl_nocast<"
                     "at::native::addcmul_cuda_kernel(at::TensorIteratorBase&)::{lambda()#2}>>(int)") == "addcmul");
  CHECK(short_kernel("void at::native::vectorized_elementwise_kernel<8, at::native::GeluCUDAKernelImpl(int)>()") ==
        "Gelu");
  CHECK(short_kernel("void at::native::vectorized_elementwise_kernel<4, at::native::AUnaryFunctor<float, "
                     "at::native::binary_internal::MulFunctor<float> > >(int)") == "Mul");
  CHECK(short_kernel("void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float>(int)") ==
        "vectorized_layer_norm");
  for (const char* same : {"(launch)", "aten::mul", "Memcpy DtoH (Device -> Pinned)", "nvjet_sm90_tst_64x8", "<", ""})
    CHECK(short_kernel(same) == same);
  CHECK(kernel_role("nvjet_sm90_tst_192x128_64x5_1x2_h") == "nvjet_sm90_tst");
  CHECK(kernel_role("flash_fprop_knob_7_64x128x64") == "flash_fprop_knob_7");
  for (const char* same : {"_1x1", "few_rows", "(host)", "a_12", "a_12x"}) CHECK(kernel_role(same) == same);
  CHECK(short_range("pass/block/mlp") == "block/mlp");
  CHECK(short_range("") == "outside of ranges");
  CHECK(cut("ääää", 4) == "ääää");
  CHECK(cut("äääää", 4) == "äää…");
}

TEST_CASE("the page says where the milliseconds go") {
  const std::string page = page_of(made_up_profile());
  CHECK_THAT(page, Contains("<h1>Where the time of a diffusion transformer's pass goes") &&
                       Contains("<h2>Where do the milliseconds go?"));
  CHECK_THAT(page, Contains("Of <b>8</b> ms of a pass with collectors (5.000 ± 0.100 ms without them) 37.5&nbsp;% are "
                            "gaps, the largest block/gather: (launch) with 2 ms; the 4 largest opportunities hold "
                            "5.10 ms"));
  CHECK_THAT(page, Contains("<li class=\"not-judged\"><a href=\"#kernels\"><span class=\"question\">How much of a pass "
                            "is kernels?</span> <span class=\"number\">56.2&nbsp;%</span>") &&
                       !Contains("cannot tell"));
  CHECK_THAT(page, Contains("<td>6.25&nbsp;%</td><td>3</td><td>–</td>"));  // remainder, lost, malformed not recorded
  CHECK(page.find("kernels-icicle") < page.find("kernels-opportunities"));
  CHECK(page.find("kernels-opportunities") < page.find("kernels-waterfall"));
  CHECK(page.find("kernels-waterfall") < page.find("kernels-roofline"));
}

TEST_CASE("a cell without rows, values that were not measured, and two runs") {
  CHECK_THAT(page_of({profile_cell("dense")}), Contains("no kernel or operator was recorded"));
  auto records = made_up_profile();
  records[4].metrics.erase("kernel_time");
  records[4].metrics.erase("kernel_bound");
  const std::string page = page_of(records);
  CHECK_THAT(page, Contains("Where do the milliseconds go?"));
  CHECK(page.find(">nan") == page.npos);
  CHECK(page.find("inf ") == page.npos);
  const TemporaryFolder folder;
  auto runs = run_of(folder.path() / "a", made_up_profile());
  runs.push_back(run_of(folder.path() / "b", {made_up_profile()[0], made_up_profile()[3]}).front());
  const std::string both = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(both, Contains("<h3>DyDiT-S/2, float32, cpu, 2 threads, batch 8</h3>") && Contains("4 of 4 rows, those of at least 0.5&nbsp;%: compact"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path() / "out" / "figures"), {}) == (2 * 3 + 1) * 5);
}

TEST_CASE("hostile names of ranges and kernels stay names, and long ones are cut") {
  const TemporaryFolder folder;
  const std::string hostile = "<script>alert(1)</script>'\"`touch hacked`\\ %s {} @m\nline" + std::string(2000, 'x');
  auto records = made_up_profile();
  for (Record& record : records)
    if (record.study == "kernel" && record.axes["kernel"] != "(launch)") {
      record.axes["kernel"] = hostile;
      record.axes["range"] = "pass/" + hostile;
    }
  const auto runs = run_of(folder.path() / "run", records);
  const std::string page = read_file(write_report(runs, folder.path() / "a"));
  CHECK(page == read_file(write_report(runs, folder.path() / "b")));
  CHECK(page.find("<script") == page.npos);
  CHECK(page.size() < 150'000);
  CHECK(!std::filesystem::exists(folder.path() / "a" / "figures" / "hacked"));
}
