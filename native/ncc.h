// Local normalised cross correlation over a cubic window, with zeros outside the grid and the divisor always w^3.
//
// Every sum over windows is three running sums of width w, one per axis, in double precision: the products of two
// floats are exact there, so that the difference of moments keeps its digits and what leaves a window takes nothing
// else with it.
#pragma once
#include <stddef.h>

namespace neuroloom {

// One item of a batch.
struct NccShape {
  size_t x, y, z;
  size_t window;    // odd
  double eps;       // lower bound of the variances
  bool activeOnly;  // count voxels whose window has variance of i above eps, and clamp cc to [0, 1]
};

// What the gradients need of each voxel: derivatives of the sum of cc by the moments, and the two terms with a mean.
struct NccSaved {
  float* cross;   // by the covariance; null: nothing is saved
  float* varJ;    // by the variance of j
  float* meanJ;   // cross * mean i + 2 varJ * mean j
  float* varI;    // by the variance of i; null with meanI: no gradient to i will be asked for
  float* meanI;   // cross * mean j + 2 varI * mean i
};

struct NccResult {
  double sum;     // of cc over the voxels that count
  double active;  // how many
};

struct NccKernels {
  // Doubles of scratch space for one part.
  size_t (*scratch)(const NccShape& s);
  // Planes [begin, end).
  NccResult (*forward)(const NccShape& s, const float* i, const float* j, const NccSaved& saved, double* scratch,
                       size_t begin, size_t end);
  // di and dj may each be null. factor: derivative of the result by the sum of cc.
  void (*backward)(const NccShape& s, const float* i, const float* j, const NccSaved& saved, double factor, float* di,
                   float* dj, double* scratch, size_t begin, size_t end);
};

}  // namespace neuroloom
