// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include "dit/weights.h"

namespace dydit::test {

namespace {

study::Model model_of(const std::string& name, const dit::DiT& dit, const std::string& hash) {
  const engine::Family& family = catalog().families.front();
  const engine::Row& row = family.default_engine(*dit);
  return {.name = name,
          .hash = hash,
          .network = dit.ptr(),
          .family = &family,
          .engine_name = row.name,
          .engine = row.make(dit.ptr(), {})};
}

}  // namespace

const study::Catalog& catalog() {
  static const study::Catalog catalog{
      .families = {dit::family()},
      .axes = study::standard_axes(),
      .studies = {study::loss_gap(), study::loss_map(), study::activation(), study::compute_map()}};
  return catalog;
}

dit::DiT dit_of(const study::Model& model) { return dit::DiT(std::dynamic_pointer_cast<dit::DiTImpl>(model.network)); }

void run_study(const std::string& name, std::vector<study::Model>& models,
               const std::shared_ptr<const data::Subset>& images, const study::Setting& setting,
               record::RunDirectory* run, std::int64_t draws) {
  const auto& studies = catalog().studies;
  study::run_study(*std::ranges::find(studies, name, &study::Row::name), {.draws = draws}, models, images, setting,
                   run);
}

study::Model tiny_model(const std::string& name, std::optional<std::uint64_t> seed) {
  dit::DiT dit(dit::from_json({{"input_size", 8},
                               {"patch_size", 4},
                               {"in_channels", 3},
                               {"hidden_size", 16},
                               {"depth", 1},
                               {"num_heads", 2},
                               {"num_classes", 10}}));
  dit->initialise(0);
  dit->eval();
  torch::NoGradGuard no_grad;
  if (seed) {
    torch::manual_seed(*seed);
    for (auto& parameter : dit->parameters()) parameter.normal_(0, 0.2);
  }
  return model_of(name, dit, name + std::to_string(seed.value_or(0)));
}

study::Model dynamic_model(const std::string& name, bool first_unit_always_on) {
  dit::DiT dit = dit::with_open_routers(dit_of(tiny_model(name, 5)));
  torch::NoGradGuard no_grad;
  if (!first_unit_always_on) {
    dit::Configuration c = dit->configuration;
    c.first_unit_always_on = false;
    dit::DiT older(c);
    older->initialise(0);
    const auto given = dit->named_parameters();
    for (auto& item : older->named_parameters())
      if (item.key().find("_rate.") == std::string::npos) item.value().copy_(given[item.key()]);
    dit = older;
  }
  torch::manual_seed(3);
  for (auto& item : dit->named_parameters())
    if (item.key().find("_rate.") != std::string::npos || item.key().find("token_selection") != std::string::npos)
      item.value().normal_(0, 1);
  dit->eval();
  return model_of(name, dit, name + "5");
}

std::shared_ptr<const data::Subset> synthetic(std::int64_t size) {
  return std::make_shared<data::Subset>(std::make_shared<AlteredData>(size), size);
}

study::Setting setting(std::vector<double> times, std::int64_t chunk) {
  return {.times = std::move(times), .chunk = chunk, .quiet = true};
}

std::vector<record::Record> StudyRun::records(const std::string& model) const {
  std::vector<record::Record> found;
  for (const record::Record& record : run.records())
    if (record.axes.at("model") == model) found.push_back(record);
  return found;
}

torch::Tensor StudyRun::gathered(const std::string& model, const std::string& tensor) const {
  const record::Run written = record::read_run(run.path());
  std::vector<torch::Tensor> chunks;
  for (const record::Record& record : records(model))
    for (const std::string& name : record.tensors) chunks.push_back(model::to_torch(written.tensors(name).at(tensor)));
  return torch::cat(chunks);
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  const double largest = (a - b).abs().max().item<double>();
  return std::isnan(largest) ? INFINITY : largest;
}

}  // namespace dydit::test
