// SPDX-License-Identifier: Apache-2.0
#include "sample/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <numeric>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "files.h"

namespace dydit::sample {

using record::Json;

namespace {

// The files of a batch by the number of the image.
using Contents = std::map<std::int64_t, std::string>;

// CBOR, which can hold bytes.
std::string to_bytes(const Contents& contents) {
  Json all = Json::array();
  for (const auto& [image, content] : contents) all.push_back({image, Json::binary({content.begin(), content.end()})});
  std::string bytes;
  Json::to_cbor(all, bytes);
  return bytes;
}

Contents from_bytes(const std::string& bytes) {
  Contents contents;
  for (const Json& one : Json::from_cbor(bytes)) {
    const auto& content = one.at(1).get_binary();
    contents[one.at(0).get<std::int64_t>()].assign(content.begin(), content.end());
  }
  return contents;
}

// Writes files while the next images are sampled: most of that is waiting for the disk.
class Writer {
 public:
  explicit Writer(const Files& files) : files_(files) {}
  // Throws what writing those before threw.
  void add(Contents contents) {
    wait();
    writing_ = std::async(std::launch::async, [this, contents = std::move(contents)] {
      for (const auto& [image, content] : contents) files_.write(image, content);
    });
  }
  void wait() {
    if (writing_.valid()) writing_.get();
  }

 private:
  const Files& files_;
  std::future<void> writing_;
};

// What the manifest says of whose images they are; an empty object where it says nothing.
Json noted_in(const record::RunDirectory& run) {
  const Json noted = run.manifest().value("sampled", Json::object());
  const bool whole =
      noted.is_object() && (noted.empty() || (noted.contains("identity") && noted["identity"].is_string() &&
                                              noted.contains("images") && noted["images"].is_number_integer()));
  if (!whole) throw InputError("'sampled' is damaged", (run.path() / "manifest.json").string(), "choose another --out");
  return noted;
}

// Makes the images that lie in the run those of its identity, which --force may have changed. The manifest notes whose
// they are before the first one is written.
void adopt(const Files& files, const Job& job, record::RunDirectory& run) {
  const std::int64_t images = job.images;
  const std::string identity = hash_of(run.manifest()["identity"].dump());
  const Json noted = noted_in(run), now{{"identity", identity}, {"images", images}};
  if (noted != now) {
    const bool ours = noted.value("identity", "") == identity;
    const auto before = noted.value("images", std::int64_t{0});
    if (ours && job.depends_on_batch && before < images && before % job.batch != 0)
      throw UsageError(fmt::format("the run ends with a batch of {} images, and they depend on it", before % job.batch),
                       run.path().string(), "choose another --out");
    if (ours && before > images)
      throw UsageError(fmt::format("the run has {} images", before), run.path().string(),
                       fmt::format("give --images {} or more, or choose another --out", before));
    if (!ours && noted.contains("identity")) {
      const std::string name = record::safe_name(noted["identity"]);
      files.set_aside(name);
      run.log("images of earlier settings set aside in earlier/" + name);
    }
    if (run.finished()) run.describe("end", nullptr);
    run.describe("sampled", now);
  }
  files.take_back(identity);
}

// What is left of a job, as rank 0 sees it in the run.
struct Left {
  std::vector<std::int64_t> batches;  // the first image of each that lacks one
  std::int64_t images = 0;
  bool finished = false;
  std::string path;  // of the run
};

class Sampling {
 public:
  Sampling(const Job& job, record::RunDirectory* run)
      : job_(job), run_(run), files_(run == nullptr ? "" : run->path(), job.file_shape()) {}

  Made go() {
    if (run_ != nullptr) look();
    tell();
    if (left_.finished) return {};
    try {
      const Made made = rounds();
      if (run_ != nullptr)
        files_.assemble(labels_of(job_.setting, 0, job_.images), job_.setting.model.classes, columns(), job_.quiet);
      return made;
    } catch (const Interrupted&) {
      if (run_ != nullptr) run_->log("interrupted");
      throw Interrupted("interrupted", "what is done is saved in " + left_.path,
                        "give the same command again to go on");
    }
  }

 private:
  void look() {
    adopt(files_, job_, *run_);
    there_ = files_.present(job_.images);
    left_.path = run_->path().string();
    left_.images = std::ranges::count(there_, false);
    for (std::int64_t first = 0; first < job_.images; first += job_.batch)
      if (lacks(first)) left_.batches.push_back(first);
    left_.finished = left_.images == 0 && run_->finished();
  }

  // From rank 0 to all.
  void tell() {
    const Json told =
        Json::parse(job_.group.broadcast(Json{left_.batches, left_.images, left_.finished, left_.path}.dump()));
    told.at(0).get_to(left_.batches);
    told.at(1).get_to(left_.images);
    told.at(2).get_to(left_.finished);
    told.at(3).get_to(left_.path);
  }

  // In each round every process samples a batch, and rank 0 writes what they made. A batch of which an image is missing
  // is sampled whole, as it was before: sums of other batches round otherwise.
  Made rounds() {
    const auto begin = std::chrono::steady_clock::now();
    const auto& group = job_.group;
    Progress progress("sample", "images", job_.images, job_.quiet || !group.leads(), job_.images - left_.images);
    Writer writer(files_);
    for (std::size_t round = 0; round < left_.batches.size(); round += static_cast<std::size_t>(group.size())) {
      stop_if_interrupted();
      const std::size_t mine = round + static_cast<std::size_t>(group.rank());
      Contents made;
      if (mine < left_.batches.size()) made = batch(left_.batches[mine]);
      if (!group.leads()) {
        group.gather(to_bytes(made));
        continue;
      }
      const auto write = [&](Contents contents) {
        std::erase_if(contents, [&](const auto& one) { return there_[static_cast<std::size_t>(one.first)]; });
        const auto count = std::ssize(contents);
        writer.add(std::move(contents));
        progress.advance(count);
      };
      write(std::move(made));  // what rank 0 made is safe before it waits for others
      const auto others = group.gather("");
      for (std::size_t rank = 1; rank < others.size(); ++rank) write(from_bytes(others[rank]));
    }
    writer.wait();
    return {left_.images, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
  }

  Contents batch(std::int64_t first) const {
    const torch::Tensor made = images_of(job_.setting, first, count_of(first));
    std::vector<std::string> files = encoded(job_.vae ? decoded(made, first) : made);
    Contents contents;
    for (std::string& content : files) contents[first++] = std::move(content);
    return contents;
  }

  torch::Tensor decoded(const torch::Tensor& latents, std::int64_t first) const {
    try {
      return job_.vae->decode(latents / job_.vae->configuration.scaling_factor).clamp(-1, 1);
    } catch (const NotFinite&) {
      throw NotFinite("a decoded sample is not finite",
                      fmt::format("images {} to {}", first, first + latents.size(0) - 1),
                      "the autoencoder overflows in this type of numbers");
    }
  }

  std::int64_t count_of(std::int64_t first) const { return std::min(job_.batch, job_.images - first); }
  bool lacks(std::int64_t first) const {
    return std::any_of(there_.begin() + first, there_.begin() + first + count_of(first), [](bool is) { return !is; });
  }
  // Ten, or as many that a column of the grid is of one class.
  std::int64_t columns() const {
    const auto classes = std::ssize(job_.setting.classes);
    return classes > 0 && classes <= 10 ? 10 / classes * classes : 10;
  }

  const Job& job_;
  record::RunDirectory* run_;  // null but at rank 0
  Files files_;
  std::vector<bool> there_;  // at rank 0
  Left left_;
};

}  // namespace

std::vector<std::int64_t> Job::file_shape() const {
  const auto& shape = setting.shape;
  if (!vae) return shape;
  const std::int64_t factor = vae->configuration.factor();
  return {3, shape[1] * factor, shape[2] * factor};
}

Made sample(const Job& job, record::RunDirectory* run) { return Sampling(job, run).go(); }

}  // namespace dydit::sample
