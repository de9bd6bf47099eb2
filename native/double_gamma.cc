#include "double_gamma.h"

#include <cmath>

namespace neuroloom {
namespace {

// ln Gamma(x) for x > 0 by Stirling's series, which is exact to rounding from 10 on (Abramowitz & Stegun 6.1.41).
double logGamma(double x) {
  double product = 1, z = x;
  for (; z < 10; z++) product *= z;
  const double square = 1 / (z * z);
  const double series =
      (1.0 / 12 -
       square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square * (1.0 / 1188 - square * (691.0 / 360360)))))) /
      z;
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  return (z - 0.5) * std::log(z) - z + kHalfLogTwoPi + series - std::log(product);
}

// Its derivative (Abramowitz & Stegun 6.3.18).
double digamma(double x) {
  double shift = 0, z = x;
  for (; z < 10; z++) shift -= 1 / z;
  const double square = 1 / (z * z);
  const double series =
      square *
      (1.0 / 12 -
       square * (1.0 / 120 -
                 square * (1.0 / 252 - square * (1.0 / 240 - square * (1.0 / 132 - square * (691.0 / 32760 - square / 12))))));
  return shift + std::log(z) - 0.5 / z - series;
}

}  // namespace

DoubleGamma::DoubleGamma(double tr, double onset, double undershoot, double uDispersion, double ratio, std::size_t taps)
    : times_(taps), logTimes_(taps), undershoot_(taps) {
  const double shape = undershoot / uDispersion, norm = shape * std::log(uDispersion) + logGamma(shape);
  for (std::size_t k = 0; k < taps; k++) {
    const double t = static_cast<double>(k) * tr - onset;
    times_[k] = t;
    if (!(t > 0)) continue;
    logTimes_[k] = std::log(t);
    undershoot_[k] = ratio * std::exp((shape - 1) * logTimes_[k] - t / uDispersion - norm);
  }
}

void DoubleGamma::kernels(double delay, double dispersion, double* out) const {
  const std::size_t taps = times_.size();
  const double shape = delay / dispersion + 1, logD = std::log(dispersion), psi = digamma(shape);
  const double norm = shape * logD + logGamma(shape), square = dispersion * dispersion;
  double *kernel = out, *byDelay = out + taps, *byDispersion = out + 2 * taps;
  double sum = 0, sumDelay = 0, sumDispersion = 0;
  for (std::size_t k = 0; k < taps; k++) {
    const double t = times_[k];
    const double first = t > 0 ? std::exp((shape - 1) * logTimes_[k] - t / dispersion - norm) : 0;
    const double byShape = first * (logTimes_[k] - logD - psi);
    kernel[k] = first - undershoot_[k];
    byDelay[k] = byShape / dispersion;
    byDispersion[k] = -byShape * delay / square + first * (t / square - shape / dispersion);
    sum += kernel[k];
    sumDelay += byDelay[k];
    sumDispersion += byDispersion[k];
  }
  for (std::size_t k = 0; k < taps; k++) {
    byDelay[k] = (byDelay[k] - kernel[k] * sumDelay / sum) / sum;
    byDispersion[k] = (byDispersion[k] - kernel[k] * sumDispersion / sum) / sum;
  }
  for (std::size_t k = 0; k < taps; k++) kernel[k] /= sum;
}

}  // namespace neuroloom
