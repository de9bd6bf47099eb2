// Least-squares fits of the FOOOF model: Gaussian peaks within bounds, and the aperiodic part with a knee.
#pragma once
#include <stddef.h>

namespace neuroloom {

// What stands below the peaks of a fit.
enum FooofBase {
  kFooofNothing,  // the target is a flattened spectrum
  kFooofLine,     // offset - exponent log10 f
  kFooofBend,     // offset - log10(knee + f^exponent)
};

// Sum over peaks of h exp(-(f - c)^2 / (2 s^2)) against a target, parameters (c, h, s) per peak; with a base three more:
// offset, exponent, knee (without a bend it stays as it is).
struct FooofPeaks {
  size_t bins, peaks;
  FooofBase base;
  const double* frequencies;  // (bins), ascending
  double resolution;          // step of the frequencies where all are equal, otherwise 0
  const double* target;       // (bins)
  const double* ln;           // (bins), ln f and log10 f; only with a base
  const double* log10;
  const double* lower;        // (order)
  const double* upper;
  double tolerance;
  size_t maxEvaluations;
  size_t order() const { return 3 * peaks + (base == kFooofNothing ? 0 : 3); }
};

struct FooofFit {
  double cost;  // half the sum of squares
  size_t evaluations;
  bool converged;
};

// offset - log10(knee + f^exponent) against values, parameters (offset, knee, exponent).
struct FooofKnee {
  size_t bins;
  const double* ln;  // (bins), ln f
  const double* values;
  double tolerance;
  size_t maxEvaluations;
};

// Candidate peaks of a flattened spectrum, highest first.
struct FooofSearch {
  size_t bins;
  const double* frequencies;  // (bins), ascending
  double resolution;          // step of the frequencies where all are equal, otherwise 0
  double step;                // between the first two
  double narrowest, widest;   // two-sided, Hz
  double minHeight, threshold;
  size_t most;    // candidates
  double* flat;   // (bins), consumed
  // (most, 3): centre, height, standard deviation; then of the point that ended the search centre, height and what it had to exceed.
  double* found;
};

struct FooofKernels {
  // Doubles of scratch space.
  size_t (*peakScratch)(const FooofPeaks& problem);
  size_t (*kneeScratch)(const FooofKnee& problem);
  // x holds the start and receives the result.
  FooofFit (*fitPeaks)(const FooofPeaks& problem, double* x, double* scratch);
  bool (*fitKnee)(const FooofKnee& problem, double* x, double* scratch);
  // sum[i] += the model at x, (bins).
  void (*addPeaks)(const FooofPeaks& problem, const double* x, double* sum);
  // How many were found; goes on from the same flat when all of them fitted into `most`.
  size_t (*search)(const FooofSearch& search);
};

}  // namespace neuroloom
