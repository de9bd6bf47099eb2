// Separable least squares of one series from one start: the twin of src/numerics/encoding/voxel-fit.ts, step for step,
// where the formulas are explained.
#pragma once
#include <cstddef>

namespace neuroloom {

// Coordinates of a fit at most: x, y, log sd, delay and dispersion of the HRF.
constexpr std::size_t kMostCoordinates = 5;

// Where a fit may go; the same for every voxel.
struct SeparableSearch {
  std::size_t size;
  double low[kMostCoordinates];
  double high[kMostCoordinates];
  bool held[kMostCoordinates];
  // A quarter of the range of each coordinate; the coordinate of the size is a logarithm.
  double quarter[kMostCoordinates];
  std::size_t sizeAt;
  bool allowNegative;
  double maxIterations;
};

// Of one voxel: the energy of its data, and the amplitude where it is held (else NaN).
struct SeparableProblem {
  std::size_t voxel;
  double total;
  double amplitude;
};

// What a call leaves behind, shared by the fits that one thread advances.
struct SeparableScratch {
  double damped[kMostCoordinates * kMostCoordinates];
  double gradientBefore[kMostCoordinates];
  double move[kMostCoordinates];
  double missing[kMostCoordinates];
  double step[kMostCoordinates];
  double reach[kMostCoordinates];
  bool settled[kMostCoordinates];
};

class SeparableFit {
 public:
  double theta[kMostCoordinates];  // the best point so far
  double trial[kMostCoordinates];  // the point whose sums are wanted next
  SeparableProblem problem;
  double amplitude, ssq, mean;
  double iterations;
  bool isConverged;

  void begin(const SeparableSearch& search, const SeparableProblem& problem, const double* start);
  // Allows iterations up to this number in all. Returns whether trial is to be evaluated.
  bool extend(double iterations, const SeparableSearch& search, SeparableScratch& scratch);
  // Takes the sums at trial (a row of moments). Returns whether the next trial is to be evaluated.
  bool receive(const double* moments, const SeparableSearch& search, SeparableScratch& scratch);
  bool isAtBound(const SeparableSearch& search) const;
  bool isSamePlace(const SeparableFit& other, std::size_t size) const;

 private:
  double normal_[kMostCoordinates * kMostCoordinates];
  double secant_[kMostCoordinates * kMostCoordinates];
  double model_[kMostCoordinates * kMostCoordinates];
  double gradient_[kMostCoordinates];
  double damping_, growth_, budget_, predicted_;
  int attempts_;
  bool isStarted_, isFlat_;

  bool proceed(const SeparableSearch& search, SeparableScratch& scratch);
  bool reject(const SeparableSearch& search, SeparableScratch& scratch);
  bool propose(const SeparableSearch& search, SeparableScratch& scratch);
  void relax(double decrease);
  double smallDecrease() const;
  void linearise(const double* moments, std::size_t size, bool isProjected);
  void learnCurvature(std::size_t size, SeparableScratch& scratch);
  void chooseModel(std::size_t size, SeparableScratch& scratch);
  void solve(std::size_t size, SeparableScratch& scratch);
  double predictedDecrease(std::size_t size) const;
};

}  // namespace neuroloom
