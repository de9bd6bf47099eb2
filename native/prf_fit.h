// Whole fits of receptive fields, many voxels at once: from the starts of every voxel to its optimum. The rounds are those of
// src/numerics/encoding/exact-fit.ts.
#pragma once
#include <cstdint>

#include "double_gamma.h"
#include "prf.h"
#include "separable_fit.h"

namespace neuroloom {

// Numbers of a fitted voxel: theta (size), amplitude, ssq, mean of the response, iterations, optima, and 0 (converged), 1 (at a
// bound) or 2 (too many iterations).
constexpr std::size_t prfFitCount(std::size_t size) { return size + 6; }

struct PrfFitRequest {
  PrfStimulus stimulus;
  PrfRequest projection;  // without fields and voxels; kernels only where they are shared
  const DoubleGamma* hrf;  // of own kernels
  SeparableSearch search;
  double height, power;  // the response is height sd^-power times the sum under the bare Gaussian
  std::size_t voxels;
  const double* series;      // (voxels, frames)
  const double* problems;    // (voxels, 2): energy, and the amplitude where it is held (else NaN)
  const std::int32_t* first;  // (voxels + 1): where the starts of a voxel begin
  const double* starts;      // (starts, size)
};

// Evaluates fields: moments(request, out), where request has count, fields, voxels and kernels.
using PrfEvaluate = void (*)(const PrfStimulus& s, const PrfRequest& r, double* out);

// out: (voxels, prfFitCount(size)). Every voxel has at least one start.
void prfFit(const PrfFitRequest& request, PrfEvaluate evaluate, double* out);

}  // namespace neuroloom
