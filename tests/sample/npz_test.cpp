// SPDX-License-Identifier: Apache-2.0
#include "npz.h"

#include <zip.h>

#include "base/error.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace dydit;
using sample::npy_header;

namespace {

// An entry as libzip reads it, which compares its checksum.
std::string entry_of(const std::filesystem::path& path, const char* name) {
  zip_t* zip = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, nullptr);
  REQUIRE(zip != nullptr);
  zip_stat_t stat;
  REQUIRE(zip_stat(zip, name, 0, &stat) == 0);
  CHECK(stat.comp_method == ZIP_CM_STORE);
  std::string bytes(stat.size, '\0');
  zip_file_t* file = zip_fopen(zip, name, 0);
  REQUIRE(file != nullptr);
  CHECK(zip_fread(file, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(stat.size));
  char beyond;
  CHECK(zip_fread(file, &beyond, 1) == 0);  // the checksum is compared when the end is met
  zip_fclose(file);
  zip_discard(zip);
  return bytes;
}

}  // namespace

TEST_CASE("the header of a .npy is numpy's") {
  // What numpy.save writes, version 2.4.
  CHECK(npy_header("<i8", {3}) == std::string("\x93NUMPY\x01\x00v\x00", 10) +
                                      "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }" +
                                      std::string(60, ' ') + "\n");
  CHECK(npy_header("|u1", {50'000, 256, 256, 3}) == std::string("\x93NUMPY\x01\x00v\x00", 10) +
                                                        "{'descr': '|u1', 'fortran_order': False, 'shape': (50000, "
                                                        "256, 256, 3), }" +
                                                        std::string(44, ' ') + "\n");
}

TEST_CASE("a .npz is a zip of arrays that another library reads") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.npz";
  const std::string one = "some pixels", two = "and more", labels(24, '\1');
  write_atomically(path, [&](const Append& append) {
    sample::Npz npz(append);
    npz.begin("arr_0", "|u1", {19});
    npz.write(std::as_bytes(std::span(one)));
    npz.write(std::as_bytes(std::span(two)));
    npz.begin("arr_1", "<i8", {3});
    npz.write(std::as_bytes(std::span(labels)));
    npz.finish();
  });
  CHECK(entry_of(path, "arr_0.npy") == npy_header("|u1", {19}) + one + two);
  CHECK(entry_of(path, "arr_1.npy") == npy_header("<i8", {3}) + labels);
}
