// SPDX-License-Identifier: Apache-2.0
#include "image.h"

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "data_files.h"

using namespace dydit::data;
using namespace dydit::test;
using Catch::Matchers::Contains;

static std::vector<std::filesystem::path> images_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& item : std::filesystem::directory_iterator(folder))
    if (item.path().extension() != ".ppm") paths.push_back(item.path());
  return paths;
}

static Image decode(const std::string& bytes) { return decode_image(std::as_bytes(std::span(bytes)), "a/b"); }

TEST_CASE("every kind of JPEG, PNG and WebP becomes the RGB pixels that Pillow makes of it") {
  const auto set = open_dataset((golden / "formats").string(), {.size = 24});
  REQUIRE(set->size() == 20);
  for (std::int64_t i = 0; i < set->size(); ++i) {
    const auto path = golden / "formats" / set->name(i);
    INFO(path);
    // Versions of libjpeg may round differently by one level; PNG and WebP are exact (1e-4: float to level).
    const double tolerance = path.stem().string().starts_with("jpeg") ? 1 : 0;
    auto expected = path;
    CHECK(distance(read_sample(*set, i), read_ppm(expected.replace_extension(".ppm"))) <= tolerance + 1e-4);
  }
}

TEST_CASE("images of the embedded sample decode as in Pillow") {
  const auto set = open_dataset(cifar_sample.string(), {.size = 32});
  CHECK(set->size() == 2000);
  CHECK(set->classes() == 10);
  for (const std::int64_t index : {0, 6 * 200 + 7, 1999}) {
    INFO(set->name(index));
    CHECK(set->label(index) == index / 200);
    auto expected = golden / "cifar" / set->name(index);
    CHECK(distance(read_sample(*set, index), read_ppm(expected.replace_extension(".ppm"))) <= 1 + 1e-4);
  }
}

TEST_CASE("the centre crop is the reference's, to the last bit") {
  for (const int size : {16, 32}) {
    const auto folder = golden / ("crop" + std::to_string(size));
    const auto set = open_dataset(folder.string(), {.size = size});
    CHECK(set->shape() == Shape{3, size, size});
    for (std::int64_t i = 0; i < set->size(); ++i) {
      INFO(folder / set->name(i));
      auto expected = folder / set->name(i);
      CHECK(distance(read_sample(*set, i), read_ppm(expected.replace_extension(".ppm"))) <= 1e-4);
    }
  }
}

TEST_CASE("values are exactly x / 127.5 - 1, and a flip mirrors left and right") {
  const auto set = open_dataset(cifar_sample.string(), {.size = 32});
  const auto image = read_sample(*set, 5), mirrored = read_sample(*set, 5, true);
  for (std::size_t i = 0; i < image.size(); ++i) {
    const float level = std::round((image[i] + 1) * 127.5F);
    REQUIRE(image[i] == level / 127.5F - 1);
    REQUIRE(mirrored[i / 32 * 32 + 31 - i % 32] == image[i]);
  }
}

TEST_CASE("a truncated image is broken wherever it ends") {
  for (const auto& path : images_in(golden / "formats" / "images")) {
    INFO(path);
    const std::string bytes = dydit::read_file(path);
    CHECK_NOTHROW(decode(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
      REQUIRE_THROWS_AS(decode(bytes.substr(0, size)), dydit::InputError);
  }
}

TEST_CASE("damaged images are refused or decoded, never worse") {
  dydit::Random random(1, dydit::Purpose::synthetic, 0);
  for (const auto& path : images_in(golden / "formats" / "images")) {
    const std::string original = dydit::read_file(path);
    for (int i = 0; i < 200; ++i) {
      std::string bytes = original;
      for (int change = 0; change < 3; ++change) bytes[random.below(bytes.size())] = static_cast<char>(random.bits());
      try {
        const Image image = decode(bytes);
        REQUIRE(image.pixels.size() == std::size_t{3} * image.width * image.height);
      } catch (const dydit::InputError&) {
      }
    }
  }
}

TEST_CASE("an image that claims to be huge is refused before memory is taken") {
  std::string bytes = dydit::read_file(golden / "formats" / "images" / "jpeg_grey.JPG");
  const std::size_t frame = bytes.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  std::memcpy(&bytes[frame + 5], "\xFF\x00\xFF\x00", 4);  // height and width 65280
  CHECK_THROWS_WITH(decode(bytes), Contains("a/b") && Contains("65280 x 65280"));
}

TEST_CASE("an image that claims more pixels than its file can hold is refused before memory is taken") {
  std::string jpeg = dydit::read_file(golden / "formats" / "images" / "jpeg_grey.JPG");
  std::memcpy(&jpeg[jpeg.find("\xFF\xC0") + 5], "\x10\x00\x10\x00", 4);
  CHECK_THROWS_WITH(decode(jpeg), Contains("claims 4096 x 4096"));
  std::string png = dydit::read_file(golden / "formats" / "images" / "png_grey.png");
  constexpr char header[] = "IHDR\0\0\x1f\x40\0\0\x1f\x40\x08\0\0\0\0\x23\x9a\xf2\x28";  // with its checksum
  std::memcpy(&png[png.find("IHDR")], header, sizeof header - 1);
  CHECK_THROWS_WITH(decode(png), Contains("claims 8000 x 8000"));
}

/// A progressive JPEG of one colour: `data` bytes of blocks of one bit each.
static std::string plain_jpeg(int side, int components, std::size_t data) {
  using namespace std::literals;
  const auto two = [](int value) { return std::string{static_cast<char>(value >> 8), static_cast<char>(value)}; };
  std::string frame = "\x08"s + two(side) + two(side) + static_cast<char>(components),
              scan(1, static_cast<char>(components));
  for (int i = 1; i <= components; ++i) {
    frame += static_cast<char>(i) + "\x11\0"s;
    scan += static_cast<char>(i) + "\0"s;
  }
  const std::string bytes = "\xFF\xD8\xFF\xDB\0\x43\0"s + std::string(64, 1) + "\xFF\xC2" +
                            two(2 + static_cast<int>(frame.size())) + frame + "\xFF\xC4\0\x14\0\1"s +
                            std::string(16, 0) + "\xFF\xDA" + two(5 + static_cast<int>(scan.size())) + scan +
                            std::string(3 + data, 0);
  return bytes + "\xFF\xD9";
}

TEST_CASE("a JPEG is held to its blocks of all components, and a progressive one to what is kept of them") {
  CHECK_THROWS_WITH(decode(plain_jpeg(5776, 4, 65'300)), Contains("claims 5776 x 5776 pixels of 4 components"));
  CHECK_THROWS_WITH(decode(plain_jpeg(8192, 3, 3 * 1024 * 1024 / 8)),
                    Contains("claims 8192 x 8192 pixels of 3 components"));
  CHECK(decode(plain_jpeg(1024, 4, 4 * 128 * 128 / 8)).pixels.size() == 3 << 20);
}

// High-water mark of this process's address space, in bytes.
static std::int64_t peak_address_space() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmPeak:")) return std::stoll(line.substr(7)) * 1024;
  return 0;
}

TEST_CASE("a comment in a PNG that claims to be huge takes no memory") {
  std::string png = dydit::read_file(golden / "formats" / "images" / "png_grey.png");
  png.insert(33, std::string("\x50\x4e\xf8\0zTXt", 8));  // behind the header: 1.3 GB
  const auto before = peak_address_space();
  CHECK_THROWS_WITH(decode(png), Contains("ends too early"));
  CHECK(peak_address_space() - before < 64 << 20);
}

TEST_CASE("a JPEG of very many scans is refused, as each takes the time of a whole image") {
  using namespace std::literals;
  const std::string header = "\xFF\xD8\xFF\xDB\0\x43\0"s + std::string(64, 1) +  // one table of quantisation
                             "\xFF\xC2\0\x0B\x08\0\x08\0\x08\1\1\x11\0"s +       // progressive, 8 x 8, grey
                             "\xFF\xC4\0\x14\0\1"s + std::string(15, 0) + std::string(1, 0);  // one code, of one bit
  std::string scans;
  for (int i = 0; i < 100; ++i) scans += "\xFF\xDA\0\x08\1\1\0\0\0\0\x7F"s;
  CHECK(decode(header + scans + "\xFF\xD9").pixels == std::vector<std::uint8_t>(3 * 64, 128));
  scans += scans;
  CHECK_THROWS_WITH(decode(header + scans + "\xFF\xD9"), Contains("more than 100 scans"));
}

TEST_CASE("bytes before the end mark of a JPEG change nothing, missing data still do") {
  for (const char* name : {"jpeg_420.jpg", "jpeg_444_progressive.jpeg"}) {
    const std::string sound = dydit::read_file(golden / "formats" / "images" / name);
    const std::string data = sound.substr(0, sound.size() - 2), end = sound.substr(sound.size() - 2);
    REQUIRE(end == "\xFF\xD9");
    for (const std::string& padding :
         {std::string(65, '\0'), std::string("made by a camera"), std::string(100'000, 'x'), std::string(3, '\xFF')}) {
      CHECK(decode(data + padding + end).pixels == decode(sound).pixels);
      CHECK_THROWS_WITH(decode(data + padding), Contains("Premature end"));
    }
    for (const std::size_t lost : {4, 12, 100})
      CHECK_THROWS_AS(decode(data.substr(0, data.size() - lost) + end), dydit::InputError);
  }
}

TEST_CASE("what a JPEG's header has beside the picture changes nothing") {
  const std::string sound = dydit::read_file(golden / "formats" / "images" / "jpeg_420.jpg");
  const auto pixels = decode(sound).pixels;
  for (const char* marker : {"\xFF\xDB", "\xFF\xC4", "\xFF\xDA"}) {
    const std::size_t at = sound.find(marker);
    REQUIRE(at != std::string::npos);
    CHECK(decode(sound.substr(0, at) + std::string(9, '\0') + sound.substr(at)).pixels == pixels);
  }
  const std::size_t version = sound.find(std::string("JFIF\0", 5)) + 5;
  std::string newer = sound;
  newer[version] = 2;
  CHECK(decode(newer).pixels == pixels);
}

TEST_CASE("bytes between the scans of a JPEG are damage") {
  const std::string sound = dydit::read_file(golden / "formats" / "images" / "jpeg_444_progressive.jpeg");
  for (const char* marker : {"\xFF\xC4", "\xFF\xDA"}) {
    const std::size_t at = sound.rfind(marker);
    REQUIRE(at != std::string::npos);
    CHECK_THROWS_WITH(decode(sound.substr(0, at) + std::string(9, '\0') + sound.substr(at)),
                      Contains("extraneous bytes before marker"));
  }
}

TEST_CASE("what is neither JPEG nor PNG nor WebP is refused by name") {
  CHECK_THROWS_WITH(decode("GIF89a..."), Contains("a/b") && Contains("neither JPEG nor PNG nor WebP"));
}

TEST_CASE("very long images are cropped without a picture of their whole length") {
  Image image{3, 5'000'000, {}};
  image.pixels.assign(std::size_t{3} * 3 * 5'000'000, 7);
  const Image crop = centre_crop(std::move(image), 1024);
  CHECK(crop.width == 1024);
  CHECK(crop.pixels == std::vector<std::uint8_t>(std::size_t{3} * 1024 * 1024, 7));
}
