// SPDX-License-Identifier: Apache-2.0
// Weights by formula, so that a golden case of a large model needs no stored weights.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace dydit::test {

/// Fills the parameters by the rule "plain". Names are numbered k = 0, 1, ... in ascending order of their
/// bytes, the fixed position embedding not counted; element j of entry k is
///   S(k,j) = sin(0.7 k + 0.013 j + 0.000011 j ((k % 7) + 1))
/// times 0.05, or 0.02 in tensors of rank 1, evaluated in float64.
void fill_plain(torch::nn::Module& module);

/// H(k,j) in [-1,1) of all elements j of a tensor, of its shape, float64: a hash of two rounds, in 32 bits.
torch::Tensor hashed(const torch::Tensor& tensor, std::int64_t k);

/// The rule "dydit", numbered alike: H(k + 1000 hash_seed, j), times 0.5 in the label
/// table, 2 / sqrt(fan in) in other tensors of rank 2 or more, 0.3 in those of rank 1.
void fill_dydit(torch::nn::Module& module, std::int64_t hash_seed);

/// The rule "vae", numbered alike: H(k, j) times 1.7 / sqrt(fan in) in tensors of rank 2 or more; in those of rank 1
/// 0.1 H, of which the weights of norms have 1 more.
void fill_vae(torch::nn::Module& module);

/// A file of the DiT of "dit_tiny", whose weights "sit_ode" and the trajectories take too: official names, the rule
/// "plain", no metadata. Written once, and removed at the end of the program.
std::filesystem::path tiny_weights();

/// Checks the parameters against a case's `weight_check`: number, first three and last value, sum.
void check_weights(const torch::nn::Module& module, const nlohmann::json& weight_check);

}  // namespace dydit::test
