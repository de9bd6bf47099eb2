#include "prf_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace neuroloom {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
// How many starts take part in each round, and up to how many iterations. As ROUNDS in exact-fit.ts.
struct Round {
  std::size_t kept;
  double iterations;
};
constexpr Round kRounds[] = {{kAll, 0}, {4, 1}, {3, 2}, {2, 8}, {2, kUnlimited}};
// Voxels whose points are evaluated together.
constexpr std::size_t kBlock = 256;

// From the bare Gaussian to the field p = c g, c = height sd^-power: every sum of products is multiplied by c per factor, and
// the slope by log sd becomes c (d - power g).
void scaleMoments(double* row, std::size_t size, double power, double c) {
  constexpr std::size_t kSd = 2;
  double *alongP = row + 3, *alongY = alongP + size, *pairs = alongY + size;
  if (power != 0) {
    const double before = alongP[kSd], after = before - power * row[0];
    double* pair = pairs;
    for (std::size_t i = 0; i < size; i++) {
      for (std::size_t j = i; j < size; j++, pair++) {
        if (i == kSd && j == kSd) {
          *pair -= power * (before + after);
        } else if (i == kSd || j == kSd) {
          *pair -= power * alongP[i == kSd ? j : i];
        }
      }
    }
    alongP[kSd] = after;
    alongY[kSd] -= power * row[1];
  }
  row[0] *= c * c;
  row[1] *= c;
  row[2] *= c;
  for (std::size_t i = 0; i < size; i++) {
    alongP[i] *= c * c;
    alongY[i] *= c;
  }
  for (std::size_t i = 0; i < size * (size + 1) / 2; i++) pairs[i] *= c * c;
}

class Fitter {
 public:
  Fitter(const PrfFitRequest& request, PrfEvaluate evaluate)
      : request_(request), evaluate_(evaluate), size_(request.search.size) {}

  void fit(std::size_t begin, std::size_t end, double* out) {
    beginFits(begin, end);
    for (const Round& round : kRounds) {
      active_.clear();
      for (auto& fits : voxels_) {
        keepBest(fits, round.kept);
        for (SeparableFit* fit : fits) {
          if (fit->extend(round.iterations, request_.search, scratch_)) active_.push_back(fit);
        }
      }
      while (!active_.empty()) step();
    }
    for (std::size_t i = 0; i < voxels_.size(); i++) write(voxels_[i], out + (begin + i) * prfFitCount(size_));
  }

 private:
  const PrfFitRequest& request_;
  const PrfEvaluate evaluate_;
  const std::size_t size_;
  SeparableScratch scratch_;
  std::vector<SeparableFit> pool_;
  std::vector<std::vector<SeparableFit*>> voxels_;
  std::vector<SeparableFit*> active_;
  std::vector<double> fields_, kernels_, moments_;
  std::vector<std::int32_t> rows_;

  void beginFits(std::size_t begin, std::size_t end) {
    const std::int32_t* first = request_.first;
    const std::size_t from = static_cast<std::size_t>(first[begin]), to = static_cast<std::size_t>(first[end]);
    // Fits are pointed at: no growth below.
    pool_.resize(std::max(pool_.size(), to - from));
    voxels_.resize(end - begin);
    for (std::size_t voxel = begin; voxel < end; voxel++) {
      const SeparableProblem problem = {voxel, request_.problems[2 * voxel], request_.problems[2 * voxel + 1]};
      auto& fits = voxels_[voxel - begin];
      fits.clear();
      for (std::size_t k = static_cast<std::size_t>(first[voxel]); k < static_cast<std::size_t>(first[voxel + 1]); k++) {
        SeparableFit* fit = &pool_[k - from];
        fit->begin(request_.search, problem, request_.starts + k * size_);
        fits.push_back(fit);
      }
    }
  }

  // Best first; without those that have come to the place of a better one.
  void keepBest(std::vector<SeparableFit*>& fits, std::size_t kept) {
    std::stable_sort(fits.begin(), fits.end(), [](const SeparableFit* a, const SeparableFit* b) { return a->ssq < b->ssq; });
    std::size_t best = 0;
    for (std::size_t k = 0; k < fits.size() && best < kept; k++) {
      bool isKnown = false;
      for (std::size_t b = 0; b < best && !isKnown; b++) isKnown = fits[b]->isSamePlace(*fits[k], size_);
      if (!isKnown) fits[best++] = fits[k];
    }
    fits.resize(best);
  }

  // Evaluates what the active fits want, and leaves those that want more.
  void step() {
    const std::size_t count = active_.size(), length = prfMomentCount(size_);
    PrfRequest r = request_.projection;
    fields_.resize(3 * count);
    rows_.resize(count);
    moments_.resize(count * length);
    if (r.ownKernels) kernels_.resize(3 * count * r.taps);
    for (std::size_t k = 0; k < count; k++) {
      const SeparableFit& fit = *active_[k];
      fields_[3 * k] = fit.trial[0];
      fields_[3 * k + 1] = fit.trial[1];
      fields_[3 * k + 2] = std::exp(fit.trial[2]);
      rows_[k] = static_cast<std::int32_t>(fit.problem.voxel);
      if (r.ownKernels) request_.hrf->kernels(fit.trial[3], fit.trial[4], kernels_.data() + 3 * k * r.taps);
    }
    r.count = count;
    r.fields = fields_.data();
    r.voxels = rows_.data();
    r.series = request_.series;
    if (r.ownKernels) r.kernels = kernels_.data();
    evaluate_(request_.stimulus, r, moments_.data());
    std::size_t left = 0;
    for (std::size_t k = 0; k < count; k++) {
      double* row = moments_.data() + k * length;
      scaleMoments(row, size_, request_.power, request_.height * std::pow(fields_[3 * k + 2], -request_.power));
      if (active_[k]->receive(row, request_.search, scratch_)) active_[left++] = active_[k];
    }
    active_.resize(left);
  }

  void write(const std::vector<SeparableFit*>& fits, double* out) const {
    const SeparableFit* best = fits[0];
    double iterations = 0;
    for (const SeparableFit* fit : fits) {
      if (fit->ssq < best->ssq) best = fit;
      iterations += fit->iterations;
    }
    std::copy(best->theta, best->theta + size_, out);
    double* rest = out + size_;
    rest[0] = best->amplitude;
    rest[1] = best->ssq;
    rest[2] = best->mean;
    rest[3] = iterations;
    rest[4] = optima(fits);
    rest[5] = !best->isConverged ? 2 : best->isAtBound(request_.search) ? 1 : 0;
  }

  // Optima that differ in cost by more than a millionth of the data's energy, or in place by more than a hundredth.
  double optima(const std::vector<SeparableFit*>& fits) const {
    std::size_t count = 0;
    for (std::size_t k = 0; k < fits.size(); k++) {
      bool isKnown = false;
      for (std::size_t b = 0; b < k && !isKnown; b++) {
        isKnown = std::abs(fits[b]->ssq - fits[k]->ssq) <= 1e-6 * fits[k]->problem.total && fits[b]->isSamePlace(*fits[k], size_);
      }
      if (!isKnown) count++;
    }
    return static_cast<double>(count);
  }
};

}  // namespace

void prfFit(const PrfFitRequest& request, PrfEvaluate evaluate, double* out) {
  Fitter fitter(request, evaluate);
  for (std::size_t begin = 0; begin < request.voxels; begin += kBlock) {
    fitter.fit(begin, std::min(begin + kBlock, request.voxels), out);
  }
}

}  // namespace neuroloom
