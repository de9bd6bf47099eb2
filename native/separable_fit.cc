#include "separable_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace neuroloom {
namespace {

// As in voxel-fit.ts.
constexpr double kFirstDamping = 0.1;
constexpr double kLeastDamping = 1e-9;
constexpr int kMaxTrials = 8;
constexpr double kSmallDecrease = 1e-7;
constexpr double kSmallShare = 1e-13;
constexpr double kLastDecrease = 1e-6;
constexpr double kForeseen = 0.3;
constexpr double kFlat = 1e-200;
constexpr double kLeastPivot = 1e-3;

double clamped(double value, double low, double high) { return std::min(std::max(value, low), high); }

// Solves a x = b in place; a is symmetric and, damped, positive.
void eliminate(double* a, double* b, std::size_t size) {
  for (std::size_t i = 0; i < size; i++) {
    for (std::size_t row = i + 1; row < size; row++) {
      const double factor = a[row * size + i] / a[i * size + i];
      for (std::size_t column = i; column < size; column++) a[row * size + column] -= factor * a[i * size + column];
      b[row] -= factor * b[i];
    }
  }
  for (std::size_t i = size; i-- > 0;) {
    double sum = b[i];
    for (std::size_t column = i + 1; column < size; column++) sum -= a[i * size + column] * b[column];
    b[i] = sum / a[i * size + i];
  }
}

// Eliminates in place. Returns whether every pivot keeps its share of the diagonal of `scale`.
bool isPositive(double* a, const double* scale, std::size_t size) {
  for (std::size_t i = 0; i < size; i++) {
    const double pivot = a[i * size + i];
    if (!(pivot > kLeastPivot * scale[i * size + i])) return false;
    for (std::size_t row = i + 1; row < size; row++) {
      const double factor = a[row * size + i] / pivot;
      for (std::size_t column = i + 1; column < size; column++) a[row * size + column] -= factor * a[i * size + column];
    }
  }
  return true;
}

// How far one step may go: the logarithm of the size by 0.7, a place by about two sizes, all else by a quarter of its range.
void reachOf(const SeparableSearch& search, const double* theta, double* reach) {
  const double extent = std::exp(theta[search.sizeAt]);
  for (std::size_t i = 0; i < search.size; i++) {
    const double quarter = search.quarter[i];
    if (i == search.sizeAt) {
      reach[i] = 0.7;
    } else {
      reach[i] = i < search.sizeAt ? std::min(2 * extent + quarter / 6.5, quarter) : quarter;
    }
  }
}

}  // namespace

void SeparableFit::begin(const SeparableSearch& search, const SeparableProblem& given, const double* start) {
  problem = given;
  for (std::size_t i = 0; i < search.size; i++) {
    theta[i] = clamped(start[i], search.low[i], search.high[i]);
    trial[i] = theta[i];
    gradient_[i] = 0;
  }
  amplitude = 0;
  ssq = problem.total;
  mean = 0;
  iterations = 0;
  isConverged = false;
  for (std::size_t k = 0; k < search.size * search.size; k++) normal_[k] = secant_[k] = model_[k] = 0;
  damping_ = kFirstDamping;
  growth_ = 2;
  budget_ = 0;
  predicted_ = 0;
  attempts_ = 0;
  isStarted_ = false;
  isFlat_ = false;
}

bool SeparableFit::extend(double most, const SeparableSearch& search, SeparableScratch& scratch) {
  budget_ = std::min(most, search.maxIterations);
  return !isStarted_ || proceed(search, scratch);
}

bool SeparableFit::receive(const double* moments, const SeparableSearch& search, SeparableScratch& scratch) {
  const double pp = moments[0], py = moments[1], held = problem.amplitude;
  const bool isHeld = !std::isnan(held);
  const bool isFlat = !(pp > kFlat);
  const bool isLost = !isHeld && (isFlat || (!search.allowNegative && py <= 0));
  const double height = isHeld ? held : isLost ? 0 : py / pp;
  double next = problem.total;
  if (isHeld) {
    next = problem.total - 2 * held * py + held * held * pp;
  } else if (!isLost) {
    next = std::max(problem.total - py * py / pp, 0.0);
  }
  if (isStarted_ && !(next < ssq)) return reject(search, scratch);
  const double decrease = ssq - next;
  amplitude = height;
  ssq = next;
  mean = moments[2];
  isFlat_ = isFlat;
  for (std::size_t i = 0; i < search.size; i++) {
    scratch.move[i] = trial[i] - theta[i];
    scratch.gradientBefore[i] = gradient_[i];
    theta[i] = trial[i];
  }
  if (!isFlat) {
    linearise(moments, search.size, !isHeld);
    if (isStarted_) learnCurvature(search.size, scratch);
    chooseModel(search.size, scratch);
  }
  if (isStarted_) relax(decrease);
  isStarted_ = true;
  return proceed(search, scratch);
}

bool SeparableFit::isAtBound(const SeparableSearch& search) const {
  for (std::size_t i = 0; i < search.size; i++) {
    if (!search.held[i] && (theta[i] <= search.low[i] || theta[i] >= search.high[i])) return true;
  }
  return false;
}

bool SeparableFit::isSamePlace(const SeparableFit& other, std::size_t size) const {
  for (std::size_t i = 0; i < size; i++) {
    if (!(std::abs(theta[i] - other.theta[i]) <= 1e-2 * (1 + std::abs(theta[i])))) return false;
  }
  return true;
}

bool SeparableFit::proceed(const SeparableSearch& search, SeparableScratch& scratch) {
  if (isConverged || isFlat_ || iterations >= budget_) return false;
  iterations += 1;
  attempts_ = 0;
  return propose(search, scratch);
}

bool SeparableFit::reject(const SeparableSearch& search, SeparableScratch& scratch) {
  damping_ *= growth_;
  growth_ *= 2;
  attempts_ += 1;
  if (attempts_ < kMaxTrials) return propose(search, scratch);
  isConverged = true;
  return false;
}

void SeparableFit::relax(double decrease) {
  const double gain = decrease / predicted_, off = 2 * gain - 1;
  damping_ = std::max(damping_ * std::max(1.0 / 5, 1 - off * off * off), kLeastDamping);
  growth_ = 2;
  const bool isLast = decrease <= kLastDecrease * ssq && std::abs(gain - 1) < kForeseen;
  isConverged = isLast || decrease <= smallDecrease();
}

double SeparableFit::smallDecrease() const { return kSmallDecrease * ssq + kSmallShare * problem.total; }

void SeparableFit::linearise(const double* moments, std::size_t size, bool isProjected) {
  const double a = amplitude, pp = moments[0];
  const double *alongP = moments + 3, *alongY = alongP + size, *pair = alongY + size;
  for (std::size_t i = 0; i < size; i++) gradient_[i] = a * (alongY[i] - a * alongP[i]);
  for (std::size_t i = 0; i < size; i++) {
    const double residualI = alongY[i] - a * alongP[i];
    for (std::size_t j = i; j < size; j++) {
      double value = a * a * *pair++;
      if (isProjected) {
        const double residualJ = alongY[j] - a * alongP[j];
        value += (residualI * residualJ - a * a * alongP[i] * alongP[j]) / pp;
      }
      normal_[i * size + j] = value;
      normal_[j * size + i] = value;
    }
  }
}

void SeparableFit::learnCurvature(std::size_t size, SeparableScratch& scratch) {
  const double *s = scratch.move, *before = scratch.gradientBefore;
  double* missing = scratch.missing;
  double curvature = 0, known = 0, wanted = 0;
  for (std::size_t i = 0; i < size; i++) {
    double byNormal = 0, bySecant = 0;
    for (std::size_t j = 0; j < size; j++) {
      byNormal += normal_[i * size + j] * s[j];
      bySecant += secant_[i * size + j] * s[j];
    }
    const double change = before[i] - gradient_[i];
    missing[i] = change - byNormal;
    curvature += change * s[i];
    known += bySecant * s[i];
    wanted += missing[i] * s[i];
  }
  const double sizing = known == 0 ? 1 : std::min(1.0, std::abs(wanted / known));
  for (std::size_t k = 0; k < size * size; k++) secant_[k] *= sizing;
  if (!(curvature > 0)) return;
  double along = 0;
  for (std::size_t i = 0; i < size; i++) {
    for (std::size_t j = 0; j < size; j++) missing[i] -= secant_[i * size + j] * s[j];
    along += missing[i] * s[i];
  }
  for (std::size_t i = 0; i < size; i++) {
    const double changeI = (before[i] - gradient_[i]) / curvature;
    for (std::size_t j = 0; j < size; j++) {
      const double changeJ = (before[j] - gradient_[j]) / curvature;
      secant_[i * size + j] += missing[i] * changeJ + changeI * missing[j] - along * changeI * changeJ;
    }
  }
}

void SeparableFit::chooseModel(std::size_t size, SeparableScratch& scratch) {
  for (std::size_t k = 0; k < size * size; k++) {
    model_[k] = normal_[k] + secant_[k];
    scratch.damped[k] = model_[k];
  }
  if (!isPositive(scratch.damped, normal_, size)) std::copy(normal_, normal_ + size * size, model_);
}

bool SeparableFit::propose(const SeparableSearch& search, SeparableScratch& scratch) {
  const std::size_t size = search.size;
  const double* reach = scratch.reach;
  reachOf(search, theta, scratch.reach);
  for (std::size_t i = 0; i < size; i++) {
    const double g = gradient_[i];
    // Held, or at a bound that the descent would leave.
    scratch.settled[i] = search.held[i] || (theta[i] <= search.low[i] && g < 0) || (theta[i] >= search.high[i] && g > 0);
    trial[i] = theta[i];
  }
  for (std::size_t pass = 0; pass <= size; pass++) {
    solve(size, scratch);
    std::size_t leaving = 0;
    for (; leaving < size; leaving++) {
      if (scratch.settled[leaving]) continue;
      const double next = theta[leaving] + clamped(scratch.step[leaving], -reach[leaving], reach[leaving]);
      if (next < search.low[leaving] || next > search.high[leaving]) break;
    }
    if (leaving == size) break;
    scratch.settled[leaving] = true;
    trial[leaving] = clamped(theta[leaving] + scratch.step[leaving], search.low[leaving], search.high[leaving]);
  }
  double largest = 0;
  for (std::size_t i = 0; i < size; i++) {
    if (!scratch.settled[i]) trial[i] = theta[i] + clamped(scratch.step[i], -reach[i], reach[i]);
    largest = std::max(largest, std::abs(trial[i] - theta[i]) / reach[i]);
  }
  predicted_ = predictedDecrease(size);
  if (largest > 1e-10 && std::abs(predicted_) > smallDecrease()) return true;
  isConverged = true;
  return false;
}

void SeparableFit::solve(std::size_t size, SeparableScratch& scratch) {
  for (std::size_t i = 0; i < size; i++) {
    const bool isFree = !scratch.settled[i];
    double right = isFree ? gradient_[i] : 0;
    for (std::size_t j = 0; j < size; j++) {
      const bool both = isFree && !scratch.settled[j];
      scratch.damped[i * size + j] = both ? model_[i * size + j] : i == j ? 1 : 0;
      if (isFree && !both) right -= model_[i * size + j] * (trial[j] - theta[j]);
    }
    if (isFree) scratch.damped[i * size + i] += damping_ * normal_[i * size + i] + 1e-300;
    scratch.step[i] = right;
  }
  eliminate(scratch.damped, scratch.step, size);
  for (std::size_t i = 0; i < size; i++) {
    if (!std::isfinite(scratch.step[i])) scratch.step[i] = 0;
  }
}

double SeparableFit::predictedDecrease(std::size_t size) const {
  double decrease = 0;
  for (std::size_t i = 0; i < size; i++) {
    double along = 2 * gradient_[i];
    for (std::size_t j = 0; j < size; j++) along -= model_[i * size + j] * (trial[j] - theta[j]);
    decrease += (trial[i] - theta[i]) * along;
  }
  return decrease;
}

}  // namespace neuroloom
