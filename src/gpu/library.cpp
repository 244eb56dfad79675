// SPDX-License-Identifier: Apache-2.0
// The products of cuBLASLt, with bias and GELU in their epilogue.
#include <ATen/cuda/CUDAContext.h>
#include <cublasLt.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include "base/error.h"
#include "gpu/product.h"

namespace dydit::gpu {

namespace {

void check(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) throw RunError("cuBLASLt reports an error", cublasLtGetStatusString(status));
}

template <typename Handle, cublasStatus_t (*destroy)(Handle)>
struct Destroy {
  using pointer = Handle;
  void operator()(Handle handle) const { destroy(handle); }
};
template <typename Handle, cublasStatus_t (*destroy)(Handle)>
using Owned = std::unique_ptr<Handle, Destroy<Handle, destroy>>;

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

// What products of a shape are to cuBLASLt, whose matrices lie column by column: out^T (N,M) = weight x^T.
struct Described {
  Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> operation;
  Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy> weight, x, out;

  explicit Described(const Product& p) {
    const cudaDataType_t type = p.x.scalar_type() == torch::kFloat16 ? CUDA_R_16F : CUDA_R_16BF;
    cublasLtMatmulDesc_t made = nullptr;
    check(cublasLtMatmulDescCreate(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    operation.reset(made);
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE,
        p.epilogue == Epilogue::gelu ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_BIAS);
    const auto layout = [&](const torch::Tensor& matrix) {
      cublasLtMatrixLayout_t of = nullptr;
      check(cublasLtMatrixLayoutCreate(&of, type, static_cast<std::uint64_t>(matrix.size(1)),
                                       static_cast<std::uint64_t>(matrix.size(0)), matrix.stride(0)));
      return of;
    };
    weight.reset(layout(p.weight));
    x.reset(layout(p.x));
    out.reset(layout(p.out));
  }

  template <typename Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    check(cublasLtMatmulDescSetAttribute(operation.get(), attribute, &value, sizeof value));
  }

  std::vector<cublasLtMatmulHeuristicResult_t> algorithms() const {
    cublasLtMatmulPreference_t made = nullptr;
    check(cublasLtMatmulPreferenceCreate(&made));
    const Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> preference(made);
    check(cublasLtMatmulPreferenceSetAttribute(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                                               sizeof workspace_bytes));
    std::vector<cublasLtMatmulHeuristicResult_t> found(8);
    int count = 0;
    check(cublasLtMatmulAlgoGetHeuristic(at::cuda::getCurrentCUDABlasLtHandle(), operation.get(), weight.get(), x.get(),
                                         out.get(), out.get(), made, static_cast<int>(found.size()), found.data(),
                                         &count));
    found.resize(static_cast<std::size_t>(count));
    return found;
  }
};

}  // namespace

std::vector<Way> library_ways(const Product& p) {
  if (p.epilogue == Epilogue::gated_residual || p.count.defined() || p.x.size(1) == 0) return {};
  const auto described = std::make_shared<Described>(p);
  std::vector<Way> all;
  for (const auto& found : described->algorithms())
    all.push_back({fmt::format("cuBLASLt {}", all.size()),
                   [described, found](const Product& of) {
                     // Of LibTorch's allocator, so that a captured graph has its own.
                     const torch::Tensor workspace = torch::empty({static_cast<std::int64_t>(found.workspaceSize)},
                                                                  of.x.options().dtype(torch::kByte));
                     const float one = 1, zero = 0;
                     const void* const bias = of.bias.const_data_ptr();
                     void* const out = of.out.mutable_data_ptr();
                     described->set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
                     check(cublasLtMatmul(at::cuda::getCurrentCUDABlasLtHandle(), described->operation.get(), &one,
                                          of.weight.const_data_ptr(), described->weight.get(), of.x.const_data_ptr(),
                                          described->x.get(), &zero, out, described->out.get(), out,
                                          described->out.get(), &found.algo, workspace.mutable_data_ptr(),
                                          found.workspaceSize, at::cuda::getCurrentCUDAStream()));
                   },
                   /*of_library=*/true});
  return all;
}

}  // namespace dydit::gpu
