// Block Lanczos for the eigenpairs around one shift: src/numerics/spectral/block-lanczos.ts, which reorthogonalises always,
// where this one does so when an estimate demands it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "dispatch/kernels.h"

namespace neuroloom {

// What is wanted of one slice, and where it goes.
struct SliceTask {
  // Factor of K - shift M.
  const double* panels;
  const signed char* signs;
  double shift;
  // Eigenpairs wanted below and above the shift, nearest first.
  std::size_t below, above;
  std::uint32_t seed;
  // Accepted residual relative to theta = 1 / (lambda - shift).
  double tolerance;
  // The basis is made orthogonal again when the estimate of what it has lost exceeds this.
  double mostLost;
  // False to go on with this shift, however close it lies to an eigenvalue.
  bool mayMove;
  // below + above numbers, ascending; blocks of four vectors in the same order.
  double* values;
  double* vectors;
};

struct SliceOutcome {
  bool isConverged = false;
  // Whether values and vectors were written.
  bool isGiven = false;
  // Where the slice should be tried instead, NaN where it need not.
  double betterShift;
  std::size_t solves = 0;
};

// Numbers of working memory that a slice with `wanted` pairs may need; what it does not need it never touches.
std::size_t sliceBasis(std::size_t size, std::size_t wanted);

// basis: sliceBasis numbers. Works on the calling thread alone.
SliceOutcome solveSlice(const SpectralKernels& kernels, const SpectralSymbolic& symbolic, const SpectralPair& pair,
                        const SliceTask& task, double* basis);

}  // namespace neuroloom
