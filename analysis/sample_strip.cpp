// SPDX-License-Identifier: Apache-2.0
#include "analysis/sample_strip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "analysis/loss_map.h"
#include "chunks.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

using checkpoint::Tensor;

/// Of the later run that has them.
std::optional<Tensor> images_of(const SamplingCell& cell, std::span<const record::Run> runs) {
  if (cell.tensors.empty()) return std::nullopt;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const auto names = [&](const record::Record& record) {
      return !record.tensors.empty() && record.tensors.front() == cell.tensors;
    };
    if (std::ranges::none_of(run->records, names) ||
        !std::filesystem::exists(run->path / "tensors" / (cell.tensors + ".safetensors")))
      continue;
    const auto tensors = run->tensors(cell.tensors);
    const auto found = tensors.find("image");
    if (found == tensors.end() || found->second.type != checkpoint::DType::f32 || found->second.shape.size() != 4)
      throw InputError("no images (N, C, H, W)", cell.tensors);
    return found->second;
  }
  return std::nullopt;
}

/// Those that a strip can show, the reference first: the ones by its sampler in its number of steps, then of each
/// engine and what it skips the fastest one.
std::vector<const SamplingCell*> cells_of_strip(const SamplingStudy& study, std::size_t most) {
  const SamplingCell* const reference = study.reference();
  if (reference == nullptr || most == 0) return {};
  std::vector<const SamplingCell*> cells{reference}, fastest;
  for (const SamplingCell& cell : study.cells) {
    const auto same = std::ranges::find(fastest, cell.variant(), [](const auto* one) { return one->variant(); });
    if (same == fastest.end())
      fastest.push_back(&cell);
    else if (!std::isfinite((*same)->time.mean) || cell.time.mean < (*same)->time.mean)
      *same = &cell;
    if (&cell != reference && cell.sampler == reference->sampler && cell.steps == reference->steps)
      cells.push_back(&cell);
  }
  std::erase_if(fastest, [&](const auto* cell) { return std::ranges::find(cells, cell) != cells.end(); });
  fastest.resize(std::min(fastest.size(), most - 1));
  cells.resize(std::min(cells.size(), most - fastest.size()));
  cells.insert(cells.end(), fastest.begin(), fastest.end());
  return cells;
}

double distance_of(const Tensor& images, const Tensor& reference, std::size_t count) {
  const auto a = images.as<float>(), b = reference.as<float>();
  const std::size_t size = b.size() / static_cast<std::size_t>(reference.shape[0]);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double difference = 0, norm = 0;
    for (std::size_t j = i * size; j < (i + 1) * size; ++j) {
      difference += (a[j] - b[j]) * (a[j] - b[j]);
      norm += b[j] * b[j];
    }
    sum += norm > 0 ? std::sqrt(difference / norm) : missing;
  }
  return sum / static_cast<double>(count);
}

/// Of the cells that have images, the first of which must.
std::optional<Strip> strip_of_rows(std::vector<StripRow> rows, std::span<const record::Run> runs, std::size_t images) {
  std::optional<Tensor> reference;
  Strip strip;
  for (StripRow& row : rows) {
    const auto drawn = images_of(*row.cell, runs);
    if (!drawn && !reference) return std::nullopt;
    if (!drawn) continue;
    if (!reference) reference = drawn;
    if (drawn->shape[1] != 3 || drawn->shape[0] == 0) return std::nullopt;
    const auto size = [](const Tensor& of) { return std::span(of.shape).subspan(1); };
    if (!std::ranges::equal(size(*drawn), size(*reference)))
      throw InputError("images of one strip differ in size", row.cell->tensors);
    const std::size_t count =
        std::min(images, static_cast<std::size_t>(std::min(drawn->shape[0], reference->shape[0])));
    row.distance = distance_of(*drawn, *reference, count);
    for (std::size_t i = 0; i < count; ++i) row.rgb.push_back(rgb_of(*drawn, i));
    strip.rows.push_back(std::move(row));
  }
  if (!reference) return std::nullopt;
  const std::size_t fewest =
      std::ranges::min(strip.rows, {}, [](const StripRow& row) { return row.rgb.size(); }).rgb.size();
  for (StripRow& row : strip.rows) row.rgb.resize(fewest);
  strip.height = reference->shape[2];
  strip.width = reference->shape[3];
  return strip;
}

/// The slowest complete model, then the front from the slowest to the fastest; of the two closest in time the faster
/// one is removed while there are too many.
std::vector<const FrontPoint*> points_of_strip(const QualityFront& front, std::size_t most) {
  const auto time = [](const FrontPoint* point) { return point->cell.time.mean; };
  const FrontPoint* slowest = nullptr;
  std::vector<const FrontPoint*> points;
  for (const FrontPoint& point : front.points) {
    const bool complete = point.cell.engine.executes == Executes::all && !point.cell.cached();
    if (complete && (slowest == nullptr || time(&point) > time(slowest))) slowest = &point;
    if (point.on_front) points.push_back(&point);
  }
  std::erase(points, slowest);
  std::ranges::sort(points, std::ranges::greater{}, time);
  if (slowest != nullptr) points.insert(points.begin(), slowest);
  const auto apart = [&](std::size_t i) { return std::abs(std::log(time(points[i - 1]) / time(points[i]))); };
  while (points.size() > std::max<std::size_t>(most, 3)) {
    std::size_t closest = 2;  // the first two stay, and the last
    for (std::size_t i = 2; i + 1 < points.size(); ++i)
      if (apart(i) < apart(closest)) closest = i;
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(closest));
  }
  return points;
}

}  // namespace

std::optional<Strip> strip_of(const SamplingStudy& study, std::span<const record::Run> runs, std::size_t images,
                              std::size_t most) {
  std::vector<StripRow> rows;
  for (const SamplingCell* cell : cells_of_strip(study, most))
    rows.push_back(
        {.cell = cell,
         .name = cell->name(),
         .detail = fmt::format("{} ms, {} times as fast", number(cell->time.mean), number(cell->speedup.mean)),
         .rgb = {},
         .distance = missing});
  return strip_of_rows(std::move(rows), runs, images);
}

std::optional<Strip> strip_of(const QualityFront& front, std::span<const record::Run> runs, std::size_t images,
                              std::size_t most) {
  std::vector<StripRow> rows;
  for (const FrontPoint* point : points_of_strip(front, most)) {
    const SamplingCell& cell = point->cell;
    rows.push_back({.cell = &cell,
                    .name = fmt::format("{}{} + {} {}", point->model, cell.cached() ? " + " + cell.cache : "",
                                        cell.sampler, cell.steps),
                    .detail = fmt::format("{} ms, distance {}, {}", number(cell.time.mean), number(cell.frechet.mean),
                                          cell.engine.name),
                    .rgb = {},
                    .distance = missing});
  }
  return strip_of_rows(std::move(rows), runs, images);
}

Figure strip_figure(const Strip& strip, const std::string& name) {
  constexpr int width = 640, names = 236, side = 8;  // pixels
  const auto rows = std::ssize(strip.rows), columns = std::ssize(strip.rows.front().rgb);
  const std::int64_t gap = std::max<std::int64_t>(1, strip.width / 16), across = columns * (strip.width + gap) - gap,
                     down = rows * (strip.height + gap) - gap;
  const int body = static_cast<int>((width - names - side) * down / across), height = body + 2 * side;
  std::string csv = "row,y,x";
  for (std::ptrdiff_t i = 0; i < columns; ++i) csv += fmt::format(",rgb_{}", i);
  csv += "\n";
  for (std::ptrdiff_t r = 0; r < rows; ++r)
    for (std::int64_t y = 0; y < strip.height; ++y, csv += "\n")
      for (std::int64_t x = 0; x < strip.width; ++x) {
        csv += fmt::format("{},{},{}", r, y, x);
        for (const auto& rgb : strip.rows[static_cast<std::size_t>(r)].rgb) {
          const auto* pixel = &rgb[static_cast<std::size_t>(3 * (y * strip.width + x))];
          csv += fmt::format(",{}", (pixel[0] << 16) + (pixel[1] << 8) + pixel[2]);
        }
        csv += "\n";
      }
  std::string labels = "unset label\n";
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    const StripRow& row = strip.rows[static_cast<std::size_t>(r)];
    const double middle = static_cast<double>(r * (strip.height + gap)) + static_cast<double>(strip.height) / 2,
                 line = static_cast<double>(down) / body * 8;  // of eight pixels
    const auto label = [&](const std::string& words, double y, const char* colour) {
      labels += fmt::format("set label {} at screen {:.5f},first {:.3f} left font ',11'{}\n", gnuplot_string(words),
                            double(side) / width, y, colour);
    };
    label(row.name, middle - line, "");
    label(row.detail, middle + line, " textcolor rgb '#606060'");
  }
  return {.name = name,
          .description = "Images that each cell draws from the same noise and labels: a row for each cell.",
          .width = width,
          .height = height,
          .csv = csv,
          .settings =
              fmt::format("R = {}; K = {}; W = {}; H = {}; G = {}\n", rows, columns, strip.width, strip.height, gap),
          .plot = fmt::format(R"(set lmargin at screen {:.5f}
set rmargin at screen {:.5f}
set bmargin at screen {:.5f}
set tmargin at screen {:.5f}
set xrange [0:{}]
set yrange [{}:0]
unset border
unset tics
unset key
{}plot for [r=0:R-1] for [k=0:K-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (k*(W+G)+$3+0.5):(r*(H+G)+$2+0.5):(int(column(4+k))>>16):(int(column(4+k))>>8&255):(int(column(4+k))&255) with rgbimage)",
                              double(names) / width, 1 - double(side) / width, double(side) / height,
                              1 - double(side) / height, across, down, labels)};
}

}  // namespace dydit::analysis
