// SPDX-License-Identifier: Apache-2.0
#include "diffusion/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "named.h"

namespace dydit::diffusion {

namespace {

std::int64_t parse_count(std::string_view text, const std::string& spec) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1)
    throw UsageError("not a respacing", spec, "write for example 250, 10,15,20 or ddim50");
  return value;
}

std::vector<std::int64_t> fixed_stride(std::int64_t steps, std::int64_t count) {
  for (std::int64_t stride = 1; stride < steps; ++stride)
    if ((steps + stride - 1) / stride == count) {
      std::vector<std::int64_t> kept;
      for (std::int64_t t = 0; t < steps; t += stride) kept.push_back(t);
      return kept;
    }
  throw UsageError("no integer stride gives so many steps", fmt::format("ddim{} of {}", count, steps));
}

}  // namespace

NoiseSchedule noise_schedule(const std::string& name, const std::string& where) {
  return named<NoiseSchedule>("noise schedule", name,
                              {{"linear", NoiseSchedule::linear}, {"cosine", NoiseSchedule::squared_cosine}}, where);
}

std::vector<double> betas(NoiseSchedule schedule, std::int64_t steps) {
  std::vector<double> out(static_cast<std::size_t>(steps));
  const auto count = static_cast<double>(steps);
  if (schedule == NoiseSchedule::linear) {
    // Ho et al.'s end points for 1000 steps, scaled to any number.
    const double first = 0.0001 * 1000 / count, last = 0.02 * 1000 / count;
    const double step = steps > 1 ? (last - first) / (count - 1) : 0;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = first + step * static_cast<double>(i);
    out.back() = steps > 1 ? last : first;
  } else {
    const auto alpha_bar = [](double u) {
      const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
      return c * c;
    };
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto at = static_cast<double>(i);
      out[i] = std::min(1 - alpha_bar((at + 1) / count) / alpha_bar(at / count), 0.999);
    }
  }
  return out;
}

Tables::Tables(std::vector<double> given) : betas(std::move(given)) {
  if (betas.empty()) throw UsageError("a diffusion needs at least one step");
  const std::size_t n = betas.size();
  double product = 1;
  for (double beta : betas) {
    alphas_cumprod_prev.push_back(product);
    product *= 1 - beta;
    alphas_cumprod.push_back(product);
  }
  for (std::size_t t = 0; t < n; ++t) {
    const double a = alphas_cumprod[t], previous = alphas_cumprod_prev[t];
    alphas_cumprod_next.push_back(t + 1 < n ? alphas_cumprod[t + 1] : 0);
    sqrt_alphas_cumprod.push_back(std::sqrt(a));
    sqrt_one_minus_alphas_cumprod.push_back(std::sqrt(1 - a));
    log_one_minus_alphas_cumprod.push_back(std::log(1 - a));
    sqrt_recip_alphas_cumprod.push_back(std::sqrt(1 / a));
    sqrt_recipm1_alphas_cumprod.push_back(std::sqrt(1 / a - 1));
    posterior_variance.push_back(betas[t] * (1 - previous) / (1 - a));
    posterior_mean_coef1.push_back(betas[t] * std::sqrt(previous) / (1 - a));
    posterior_mean_coef2.push_back((1 - previous) * std::sqrt(1 - betas[t]) / (1 - a));
  }
  for (std::size_t t = 0; t < n; ++t)
    posterior_log_variance_clipped.push_back(std::log(posterior_variance[t == 0 && n > 1 ? 1 : t]));
}

std::vector<std::int64_t> respaced_timesteps(std::int64_t steps, const std::string& spec) {
  if (spec.starts_with("ddim")) return fixed_stride(steps, parse_count(std::string_view(spec).substr(4), spec));
  std::vector<std::int64_t> counts;
  for (std::size_t begin = 0; begin <= spec.size() && !spec.empty();) {
    const std::size_t end = std::min(spec.find(',', begin), spec.size());
    counts.push_back(parse_count(std::string_view(spec).substr(begin, end - begin), spec));
    begin = end + 1;
  }
  if (counts.empty()) counts.push_back(steps);
  const auto sections = static_cast<std::int64_t>(counts.size());
  std::vector<std::int64_t> kept;
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < sections; ++i) {
    const std::int64_t size = steps / sections + (i < steps % sections ? 1 : 0);
    const std::int64_t count = counts[static_cast<std::size_t>(i)];
    if (count > size)
      throw UsageError("a section has fewer timesteps than asked for", spec, fmt::format("at most {}", size));
    const double stride = count > 1 ? static_cast<double>(size - 1) / static_cast<double>(count - 1) : 1;
    // A float sum, as the official code keeps it; nearbyint rounds half to even.
    double position = 0;
    for (std::int64_t k = 0; k < count; ++k, position += stride)
      kept.push_back(start + static_cast<std::int64_t>(std::nearbyint(position)));
    start += size;
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

std::vector<double> respaced_betas(const Tables& original, const std::vector<std::int64_t>& timesteps) {
  std::vector<double> out;
  double last = 1;
  for (std::int64_t t : timesteps) {
    const double product = original.alphas_cumprod.at(static_cast<std::size_t>(t));
    out.push_back(1 - product / last);
    last = product;
  }
  return out;
}

std::vector<std::int64_t> even_timesteps(std::int64_t steps, std::int64_t count) {
  if (count < 1 || count > steps)
    throw UsageError("the number of timesteps is out of range", fmt::format("{}", count),
                     fmt::format("give 1 to {}", steps));
  std::vector<std::int64_t> out;
  for (std::int64_t k = 0; k < count; ++k) out.push_back((2 * k + 1) * steps / (2 * count));
  return out;
}

}  // namespace dydit::diffusion
