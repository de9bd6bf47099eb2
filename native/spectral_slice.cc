#include "spectral_slice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "scratch.h"
#include "spectral_ordering.h"
#include "spectral_products.h"

namespace neuroloom {
namespace {

// The constants and the reasons for them: src/numerics/spectral/block-lanczos.ts.
constexpr double kDependent = 1e-13;
constexpr double kRoundings = 16;
constexpr double kLargestNoise = 1e-8;
constexpr double kLargestRatio = 1e4;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// What is lost anew in each step, in roundings of the largest theta, before measurements say more.
constexpr double kFirstNoise = 8;

// 4 x 4 numbers, row after row.
struct Small {
  double at[16] = {};
  double operator()(int i, int j) const { return at[4 * i + j]; }
  double& operator()(int i, int j) { return at[4 * i + j]; }
};

Small identity() {
  Small g;
  for (int i = 0; i < 4; i++) g(i, i) = 1;
  return g;
}

Small transposed(const Small& g) {
  Small t;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) t(i, j) = g(j, i);
  return t;
}

// c += sign a b
void addProduct(Small& c, const Small& a, const Small& b, double sign = 1) {
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 4; k++) {
      const double factor = sign * a(i, k);
      for (int j = 0; j < 4; j++) c(i, j) += factor * b(k, j);
    }
}

Small product(const Small& a, const Small& b) {
  Small c;
  addProduct(c, a, b);
  return c;
}

double largestEntry(const Small& g) {
  double largest = 0;
  for (const double value : g.at) largest = std::max(largest, std::fabs(value));
  return largest;
}

struct GramFactor {
  // Upper triangular R of gram = R'R, with zero rows for dependent columns.
  Small upper;
  // Inverse of R, with ones on the diagonal of dependent columns.
  Small inverse;
  bool dependent[4] = {};
  bool isDependent = false;
  // Smallest square pivot over square norm.
  double smallestRatio = 1;
};

GramFactor factorGram(const Small& gram, double scaleOfOperator) {
  GramFactor result;
  Small& upper = result.upper;
  for (int j = 0; j < 4; j++) {
    const double square = gram(j, j);
    double pivot = square;
    for (int q = 0; q < j; q++) pivot -= upper(q, j) * upper(q, j);
    if (!(pivot > kDependent * square) || !(square > 1e-28 * scaleOfOperator * scaleOfOperator)) {
      result.dependent[j] = result.isDependent = true;
      continue;
    }
    result.smallestRatio = std::min(result.smallestRatio, pivot / square);
    const double root = std::sqrt(pivot);
    upper(j, j) = root;
    for (int i = j + 1; i < 4; i++) {
      double sum = gram(i, j);
      for (int q = 0; q < j; q++) sum -= upper(q, i) * upper(q, j);
      upper(j, i) = sum / root;
    }
  }
  for (int column = 0; column < 4; column++) {
    for (int i = 3; i >= 0; i--) {
      double sum = i == column ? 1 : 0;
      for (int q = i + 1; q < 4; q++)
        if (!result.dependent[q]) sum -= upper(i, q) * result.inverse(q, column);
      result.inverse(i, column) = result.dependent[i] ? (i == column ? 1 : 0) : sum / upper(i, i);
    }
  }
  return result;
}

class BlockLanczos {
 public:
  BlockLanczos(const SpectralKernels& kernels, const SpectralSymbolic& symbolic, const SpectralPair& pair,
               const SliceTask& task, double* basis)
      : kernels_(kernels),
        symbolic_(symbolic),
        pair_(pair),
        task_(task),
        basis_(basis),
        size_(static_cast<std::size_t>(pair.size)),
        width_(4 * size_),
        capacity_(sliceBlocks(size_, task.below + task.above)),
        imageMemory_(width_),
        nextMemory_(width_),
        image_(imageMemory_.get()),
        nextImage_(nextMemory_.get()),
        draws_(task.seed ^ 0x2545f491u) {}

  SliceOutcome run() {
    outcome_.betterShift = std::numeric_limits<double>::quiet_NaN();
    const std::size_t wanted = task_.below + task_.above;
    if (wanted == 0) {
      outcome_.isConverged = outcome_.isGiven = true;
      return outcome_;
    }
    start();
    std::size_t blocks = 1, next = std::min(capacity_, std::max<std::size_t>(2, (3 * wanted / 2 + 8) / 4));
    double before = 0;
    std::size_t blocksBefore = 0;
    for (;;) {
      const Small beta = extend(blocks);
      if (blocks >= next || blocks >= capacity_) {
        const double worst = largestResidual(blocks, beta);
        if (!std::isnan(outcome_.betterShift) || std::isnan(worst)) return outcome_;
        const bool isConverged = worst <= task_.tolerance;
        if (isConverged || blocks >= capacity_) {
          outcome_.isConverged = isConverged;
          if (std::isfinite(worst)) giveVectors(blocks, beta);
          return outcome_;
        }
        next = std::min(capacity_, blocks + stepAfter(wanted, blocks, worst, blocksBefore, before));
        before = worst;
        blocksBefore = blocks;
      }
      couplings_.push_back(beta);
      std::swap(image_, nextImage_);
      blocks++;
    }
  }

 private:
  double* block(std::size_t index) { return basis_ + index * width_; }
  long rows() const { return static_cast<long>(size_); }

  // Blocks until the next test: residuals fall about geometrically, so two tests tell where the third is worth while.
  std::size_t stepAfter(std::size_t wanted, std::size_t blocks, double worst, std::size_t blocksBefore, double before) const {
    const std::size_t usual = worst > 1e-6 ? std::max<std::size_t>(2, wanted / 32 + 1) : 1;
    if (blocksBefore == 0 || !std::isfinite(before) || !(worst < 0.5 * before)) return usual;
    const double rate = std::log(before / worst) / static_cast<double>(blocks - blocksBefore);
    const double left = std::log(worst / task_.tolerance) / rate;
    return static_cast<std::size_t>(std::min(8.0, std::max(1.0, std::floor(0.8 * left))));
  }

  void solve(double* x) {
    kernels_.solve(symbolic_, task_.panels, task_.signs, x);
    outcome_.solves += 4;
  }
  void multiplyMass(const double* x, double* y) { kernels_.multiplyMass(pair_, x, y, 0, rows()); }
  void project(const double* basis, std::size_t count, const double* z, Small* h) {
    std::fill_n(h->at, 16 * count, 0.0);
    kernels_.project(rows(), basis, static_cast<long>(count), z, h->at, 0, rows());
  }
  void subtract(const double* basis, std::size_t count, const Small* h, double* w) {
    kernels_.add(rows(), basis, static_cast<long>(count), h->at, -1.0, w, 0, rows());
  }

  // A random block, smoothed by one application of the operator.
  void start() {
    DrawSource draws(task_.seed);
    for (std::size_t i = 0; i < width_; i++) image_[i] = draws.next() / 4294967296.0 - 0.5;
    multiplyMass(image_, block(0));
    solve(block(0));
    multiplyMass(block(0), image_);
    orthonormalise(block(0), image_, 0);
  }

  // The next block of the basis and the diagonal block of the projected operator; returns the coupling block.
  Small extend(std::size_t blocks) {
    const std::size_t last = blocks - 1;
    double* w = block(blocks);
    std::copy_n(image_, width_, w);
    solve(w);
    if (last > 0) {
      const Small coupling = transposed(couplings_[last - 1]);
      subtract(block(last - 1), 1, &coupling, w);
    }
    Small inner;
    project(image_, 1, w, &inner);
    subtract(block(last), 1, &inner, w);
    multiplyMass(w, nextImage_);
    Small gram;
    project(w, 1, nextImage_, &gram);
    const GramFactor expected = factorGram(gram, scaleOfOperator_);
    foresee(blocks, inner, expected);
    // One step alone would bring back what the block before it has lost.
    const bool isDue = mustRepeat_ || isAlways_ || expected.isDependent || lost_ > task_.mostLost;
    mustRepeat_ = isDue && !mustRepeat_;
    const std::size_t first = isDue ? 0 : last > 0 ? last - 1 : 0;
    parts_.resize(blocks);
    project(block(first), blocks - first, nextImage_, &parts_[first]);
    subtract(block(first), blocks - first, &parts_[first], w);
    if (isDue) learn(blocks, expected);
    Small diagonal;
    for (int a = 0; a < 4; a++)
      for (int b = 0; b < 4; b++) {
        diagonal(a, b) = (inner(a, b) + inner(b, a) + parts_[last](a, b) + parts_[last](b, a)) / 2;
        if (a == b) scaleOfOperator_ = std::max(scaleOfOperator_, std::fabs(diagonal(a, b)));
      }
    diagonals_.push_back(diagonal);
    multiplyMass(w, nextImage_);
    return orthonormalise(w, nextImage_, blocks);
  }

  // Estimates Q_i' M w for the next block w from those of the two blocks before, by the recurrence that the exact products
  // obey (Simon 1984): what rounding has added grows as the components of converged vectors do.
  void foresee(std::size_t blocks, const Small& inner, const GramFactor& expected) {
    const std::size_t last = blocks - 1;
    future_.assign(blocks, Small());
    const double fresh = noise_ * kEpsilon * std::max(scaleOfOperator_, largestEntry(inner));
    lost_ = 0;
    for (std::size_t i = 0; i + 1 < last; i++) {
      Small sum;
      addProduct(sum, diagonals_[i], present_[i]);
      if (i > 0) addProduct(sum, couplings_[i - 1], present_[i - 1]);
      addProduct(sum, transposed(couplings_[i]), present_[i + 1]);
      addProduct(sum, present_[i], inner, -1);
      addProduct(sum, past_[i], transposed(couplings_[last - 1]), -1);
      for (double& value : sum.at) value += value < 0 ? -fresh : fresh;
      future_[i] = product(sum, expected.inverse);
      lost_ = std::max(lost_, largestEntry(future_[i]));
    }
    // The two last blocks are always projected out.
    for (std::size_t i = last > 0 ? last - 1 : 0; i < blocks; i++) future_[i] = filled(kEpsilon);
    past_.swap(present_);
    present_.swap(future_);
  }

  static Small filled(double value) {
    Small g;
    for (double& entry : g.at) entry = value;
    return g;
  }

  // After a full projection: nothing is lost, and the estimate is held against what was there.
  void learn(std::size_t blocks, const GramFactor& expected) {
    double found = 0;
    for (std::size_t i = 0; i + 2 < blocks; i++) found = std::max(found, largestEntry(product(parts_[i], expected.inverse)));
    if (lost_ > 0 && found > lost_) noise_ *= std::min(found / lost_, 100.0);
    for (Small& own : present_) own = filled(kEpsilon);
  }

  // Makes w mass-orthonormal by Cholesky-QR, twice; `image` becomes M w. Dependent columns are replaced by random ones made
  // orthogonal to the basis: the Krylov space was exhausted in their direction. Returns R with w before = w after R.
  Small orthonormalise(double* w, double* image, std::size_t blocks) {
    Small r = identity();
    int passes = 2;
    for (int pass = 0; pass < passes && pass < 8; pass++) {
      Small gram;
      project(w, 1, image, &gram);
      const GramFactor factor = factorGram(gram, scaleOfOperator_);
      kernels_.scale(w, factor.inverse.at, 0, rows());
      kernels_.scale(image, factor.inverse.at, 0, rows());
      r = product(factor.upper, r);
      if (!factor.isDependent && !(pass == 0 && factor.smallestRatio < 1e-8)) continue;
      for (std::size_t column = 0; column < 4; column++) {
        if (!factor.dependent[column]) continue;
        for (std::size_t i = column; i < width_; i += 4) w[i] = draws_.next() / 4294967296.0 - 0.5;
      }
      if (factor.isDependent) isAlways_ = true;
      parts_.resize(std::max<std::size_t>(1, blocks));
      for (int repeat = 0; repeat < (factor.isDependent ? 2 : 1); repeat++) {
        multiplyMass(w, image);
        project(basis_, blocks, image, parts_.data());
        subtract(basis_, blocks, parts_.data(), w);
      }
      multiplyMass(w, image);
      passes = std::max(passes, pass + 3);
    }
    return r;
  }

  // Eigenpairs of the projected operator, the last `width` entries of each vector. False when there are none to be had.
  bool eigen(std::size_t blocks, std::size_t width) {
    const std::size_t n = 4 * blocks;
    std::vector<double> a(n * n, 0.0);
    for (std::size_t j = 0; j < blocks; j++) {
      for (std::size_t p = 0; p < 4; p++) {
        for (std::size_t q = 0; q < 4; q++) {
          a[(4 * j + p) * n + 4 * j + q] = diagonals_[j].at[4 * p + q];
          if (j + 1 == blocks) continue;
          a[(4 * j + 4 + p) * n + 4 * j + q] = couplings_[j].at[4 * p + q];
          a[(4 * j + q) * n + 4 * j + 4 + p] = couplings_[j].at[4 * p + q];
        }
      }
    }
    thetas_.resize(n);
    small_.resize(n * width);
    const bool isFound = ascendingEigen(kernels_, n, a.data(), width, thetas_.data(), small_.data());
    return isFound && std::isfinite(thetas_.front()) && std::isfinite(thetas_.back());
  }

  // Position of wanted pair c: the most negative thetas belong to the nearest eigenvalues below.
  std::size_t position(std::size_t c) const {
    return c < task_.below ? c : thetas_.size() - 1 - (c - task_.below);
  }

  // Largest relative residual of the wanted pairs, infinity when there are not as many, NaN when nothing can be said.
  double largestResidual(std::size_t blocks, const Small& beta) {
    if (!eigen(blocks, 4)) return std::numeric_limits<double>::quiet_NaN();
    const std::size_t n = thetas_.size(), below = task_.below, above = task_.above;
    const std::size_t negative =
        static_cast<std::size_t>(std::lower_bound(thetas_.begin(), thetas_.end(), 0.0) - thetas_.begin());
    if (negative < below || n - negative < above) return std::numeric_limits<double>::infinity();
    // Where the shift lies beside an eigenvalue, rounding in that one large theta is all that is left in the others.
    const double largest = std::max(std::fabs(thetas_.front()), std::fabs(thetas_.back()));
    double smallest = std::numeric_limits<double>::infinity();
    if (below > 0) smallest = std::min(smallest, std::fabs(thetas_[below - 1]));
    if (above > 0) smallest = std::min(smallest, std::fabs(thetas_[n - above]));
    if (largest > kLargestRatio * smallest && lookForGap()) return 0;
    const double noise = std::min(kRoundings * kEpsilon * largest, kLargestNoise * smallest);
    double worst = 0;
    for (std::size_t c = 0; c < below + above; c++) {
      const std::size_t index = position(c);
      double square = 0;
      for (int a = 0; a < 4; a++) {
        double sum = 0;
        for (int b = 0; b < 4; b++) sum += beta(a, b) * small_[4 * index + static_cast<std::size_t>(b)];
        square += sum * sum;
      }
      const double residual = std::sqrt(square);
      if (residual > noise) worst = std::max(worst, residual / std::fabs(thetas_[index]));
    }
    return worst;
  }

  // Whether the middle between the eigenvalues on both sides of the shift is clearly farther from both.
  bool lookForGap() {
    const double left = 1 / thetas_.front(), right = 1 / thetas_.back();
    if (!task_.mayMove || !(left < 0 && right > 0) || right - left < 8 * std::min(-left, right)) return false;
    outcome_.betterShift = task_.shift + (left + right) / 2;
    return true;
  }

  // Ritz vectors with the residual block added, which is one exact inverse iteration.
  void giveVectors(std::size_t blocks, const Small& beta) {
    const std::size_t wanted = task_.below + task_.above, n = 4 * blocks, all = blocks + 1;
    if (!eigen(blocks, n)) {
      outcome_.isConverged = false;
      return;
    }
    const std::size_t outBlocks = (wanted + 3) / 4;
    std::vector<double> coefficients(outBlocks * all * 16, 0.0);
    for (std::size_t c = 0; c < wanted; c++) {
      const std::size_t index = position(c < task_.below ? task_.below - 1 - c : c);
      const double theta = thetas_[index];
      const double* row = &small_[index * n];
      task_.values[c] = task_.shift + 1 / theta;
      double* column = &coefficients[c / 4 * all * 16 + c % 4];
      for (std::size_t i = 0; i < n; i++) column[4 * i] = row[i];
      for (int a = 0; a < 4; a++) {
        double sum = 0;
        for (int b = 0; b < 4; b++) sum += beta(a, b) * row[n - 4 + static_cast<std::size_t>(b)];
        column[4 * (n + static_cast<std::size_t>(a))] = sum / theta;
      }
    }
    const BlockCombination combination(kernels_, all, coefficients.data(), outBlocks);
    Scratch<double> work(combination.workSize());
    combination.rows(size_, basis_, task_.vectors, work.get(), 0, size_);
    outcome_.isGiven = true;
  }

  const SpectralKernels& kernels_;
  const SpectralSymbolic& symbolic_;
  const SpectralPair& pair_;
  const SliceTask& task_;
  double* const basis_;
  const std::size_t size_, width_, capacity_;
  Scratch<double> imageMemory_, nextMemory_;
  // M times the last block, and M times the one that is being made.
  double *image_, *nextImage_;
  DrawSource draws_;
  SliceOutcome outcome_;
  double scaleOfOperator_ = 0;
  // The projected operator: couplings_[j] stands below diagonals_[j].
  std::vector<Small> diagonals_, couplings_;
  std::vector<Small> parts_;
  // Estimates of Q_i' M Q_j for the last block j and the one before, and for the block that is being made.
  std::vector<Small> present_, past_, future_;
  double lost_ = 0, noise_ = kFirstNoise;
  bool mustRepeat_ = false, isAlways_ = false;
  std::vector<double> thetas_, small_;
};

}  // namespace

std::size_t sliceBlocks(std::size_t size, std::size_t wanted) {
  return std::max<std::size_t>(1, std::min((6 * wanted + 48 + 3) / 4, size / 4));
}

SliceOutcome solveSlice(const SpectralKernels& kernels, const SpectralSymbolic& symbolic, const SpectralPair& pair,
                        const SliceTask& task, double* basis) {
  return BlockLanczos(kernels, symbolic, pair, task, basis).run();
}

}  // namespace neuroloom
