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

// From this many rows on, blocks of eight: a quarter more vectors than with four, but half as often the factor and the
// basis pass through memory, which is what large surfaces wait for.
constexpr std::size_t kWideFrom = 20000;
// Rows of a few blocks that stay in the cache together.
constexpr long kSweepRows = 256;

std::size_t widthFor(std::size_t size) { return size < kWideFrom ? 4 : 8; }

// Most blocks that the basis of a slice with `wanted` pairs may have.
std::size_t sliceBlocks(std::size_t size, std::size_t wanted, std::size_t width) {
  return std::max<std::size_t>(1, std::min((6 * wanted + 48 + width - 1) / width, size / width));
}

// W x W numbers, row after row.
template <int W>
struct Small {
  double at[W * W] = {};
  double operator()(int i, int j) const { return at[W * i + j]; }
  double& operator()(int i, int j) { return at[W * i + j]; }
};

template <int W>
Small<W> identity() {
  Small<W> g;
  for (int i = 0; i < W; i++) g(i, i) = 1;
  return g;
}

template <int W>
Small<W> filled(double value) {
  Small<W> g;
  for (double& entry : g.at) entry = value;
  return g;
}

template <int W>
Small<W> transposed(const Small<W>& g) {
  Small<W> t;
  for (int i = 0; i < W; i++)
    for (int j = 0; j < W; j++) t(i, j) = g(j, i);
  return t;
}

// c += sign a b
template <int W>
void addProduct(Small<W>& c, const Small<W>& a, const Small<W>& b, double sign = 1) {
  for (int i = 0; i < W; i++)
    for (int k = 0; k < W; k++) {
      const double factor = sign * a(i, k);
      for (int j = 0; j < W; j++) c(i, j) += factor * b(k, j);
    }
}

template <int W>
Small<W> product(const Small<W>& a, const Small<W>& b) {
  Small<W> c;
  addProduct(c, a, b);
  return c;
}

template <int W>
double largestEntry(const Small<W>& g) {
  double largest = 0;
  for (const double value : g.at) largest = std::max(largest, std::fabs(value));
  return largest;
}

template <int W>
struct GramFactor {
  // Upper triangular R of gram = R'R, with zero rows for dependent columns.
  Small<W> upper;
  // Inverse of R, with ones on the diagonal of dependent columns.
  Small<W> inverse;
  bool dependent[W] = {};
  bool isDependent = false;
  // Smallest square pivot over square norm.
  double smallestRatio = 1;
};

template <int W>
GramFactor<W> factorGram(const Small<W>& gram, double scaleOfOperator) {
  GramFactor<W> result;
  Small<W>& upper = result.upper;
  for (int j = 0; j < W; j++) {
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
    for (int i = j + 1; i < W; i++) {
      double sum = gram(i, j);
      for (int q = 0; q < j; q++) sum -= upper(q, i) * upper(q, j);
      upper(j, i) = sum / root;
    }
  }
  for (int column = 0; column < W; column++) {
    for (int i = W - 1; i >= 0; i--) {
      double sum = i == column ? 1 : 0;
      for (int q = i + 1; q < W; q++)
        if (!result.dependent[q]) sum -= upper(i, q) * result.inverse(q, column);
      result.inverse(i, column) = result.dependent[i] ? (i == column ? 1 : 0) : sum / upper(i, i);
    }
  }
  return result;
}

// W: vectors per block.
template <int W>
class BlockLanczos {
 public:
  BlockLanczos(const SpectralKernels& kernels, const SpectralSymbolic& symbolic, const SpectralPair& pair,
               const SliceTask& task, double* basis)
      : kernels_(kernels),
        own_(W == 4 ? kernels.four : kernels.eight),
        symbolic_(symbolic),
        pair_(pair),
        task_(task),
        basis_(basis),
        size_(static_cast<std::size_t>(pair.size)),
        width_(W * size_),
        capacity_(sliceBlocks(size_, task.below + task.above, W)),
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
    std::size_t blocks = 1, next = std::min(capacity_, std::max<std::size_t>(2, (3 * wanted / 2 + 8) / W));
    double before = 0;
    std::size_t blocksBefore = 0;
    for (;;) {
      const Block beta = extend(blocks);
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
  using Block = Small<W>;

  double* block(std::size_t index) { return basis_ + index * width_; }
  long rows() const { return static_cast<long>(size_); }

  // Blocks until the next test: residuals fall about geometrically, so two tests tell where the third is worth while.
  std::size_t stepAfter(std::size_t wanted, std::size_t blocks, double worst, std::size_t blocksBefore, double before) const {
    const std::size_t usual = worst > 1e-6 ? std::max<std::size_t>(2, wanted / (8 * W) + 1) : 1;
    if (blocksBefore == 0 || !std::isfinite(before) || !(worst < 0.5 * before)) return usual;
    const double rate = std::log(before / worst) / static_cast<double>(blocks - blocksBefore);
    const double left = std::log(worst / task_.tolerance) / rate;
    return static_cast<std::size_t>(std::min(32.0 / W, std::max(1.0, std::floor(0.8 * left))));
  }

  void multiplyMass(const double* x, double* y, long begin, long end) { own_.multiplyMass(pair_, x, y, begin, end); }
  // h += Q' z over some rows.
  void project(const double* basis, std::size_t count, const double* z, Block* h, long begin, long end) {
    own_.project(rows(), basis, static_cast<long>(count), z, h->at, begin, end);
  }
  void subtract(const double* basis, std::size_t count, const Block* h, double* w, long begin, long end) {
    own_.add(rows(), basis, static_cast<long>(count), h->at, -1.0, w, begin, end);
  }

  // Several things done to the same rows while they are in the cache.
  template <class Body>
  void sweep(Body&& body) {
    for (long begin = 0; begin < rows(); begin += kSweepRows) body(begin, std::min(rows(), begin + kSweepRows));
  }

  // As `sweep`, with image = M w between the two: a mass that is more than a diagonal looks at all rows of w.
  template <class Before, class After>
  void sweepWithMass(const double* w, double* image, Before&& before, After&& after) {
    if (pair_.diagonalMass != nullptr) {
      sweep([&](long begin, long end) {
        before(begin, end);
        multiplyMass(w, image, begin, end);
        after(begin, end);
      });
      return;
    }
    sweep(before);
    multiplyMass(w, image, 0, rows());
    sweep(after);
  }

  // x <- (K - shift M)^-1 x
  void solve(double* x) {
    own_.solve(symbolic_, task_.panels, task_.signs, x);
    outcome_.solves += W;
  }

  // A random block, smoothed by one application of the operator.
  void start() {
    DrawSource draws(task_.seed);
    for (std::size_t i = 0; i < width_; i++) image_[i] = draws.next() / 4294967296.0 - 0.5;
    multiplyMass(image_, block(0), 0, rows());
    solve(block(0));
    multiplyMass(block(0), image_, 0, rows());
    Block gram;
    project(block(0), 1, image_, &gram, 0, rows());
    orthonormalise(block(0), image_, 0, gram);
  }

  // The next block of the basis and the diagonal block of the projected operator; returns the coupling block.
  Block extend(std::size_t blocks) {
    const std::size_t last = blocks - 1, near = last > 0 ? last - 1 : 0;
    double* w = block(blocks);
    std::copy_n(image_, width_, w);
    solve(w);
    const Block coupling = last > 0 ? transposed(couplings_[last - 1]) : Block();
    Block inner;
    sweep([&](long begin, long end) {
      if (last > 0) subtract(block(last - 1), 1, &coupling, w, begin, end);
      project(image_, 1, w, &inner, begin, end);
    });
    Block gram;
    parts_.assign(blocks, Block());
    sweepWithMass(
        w, nextImage_, [&](long begin, long end) { subtract(block(last), 1, &inner, w, begin, end); },
        [&](long begin, long end) {
          project(w, 1, nextImage_, &gram, begin, end);
          project(block(near), blocks - near, nextImage_, &parts_[near], begin, end);
        });
    const GramFactor<W> expected = factorGram(gram, scaleOfOperator_);
    foresee(blocks, inner, expected);
    // One step alone would bring back what the block before it has lost.
    const bool isDue = mustRepeat_ || isAlways_ || expected.isDependent || lost_ > task_.mostLost;
    mustRepeat_ = isDue && !mustRepeat_;
    if (isDue && near > 0) project(basis_, near, nextImage_, parts_.data(), 0, rows());
    const std::size_t first = isDue ? 0 : near;
    gram = Block();
    sweepWithMass(
        w, nextImage_,
        [&](long begin, long end) { subtract(block(first), blocks - first, &parts_[first], w, begin, end); },
        [&](long begin, long end) { project(w, 1, nextImage_, &gram, begin, end); });
    if (isDue) learn(blocks, expected);
    Block diagonal;
    for (int a = 0; a < W; a++)
      for (int b = 0; b < W; b++) {
        diagonal(a, b) = (inner(a, b) + inner(b, a) + parts_[last](a, b) + parts_[last](b, a)) / 2;
        if (a == b) scaleOfOperator_ = std::max(scaleOfOperator_, std::fabs(diagonal(a, b)));
      }
    diagonals_.push_back(diagonal);
    return orthonormalise(w, nextImage_, blocks, gram);
  }

  // Estimates Q_i' M w for the next block w from those of the two blocks before, by the recurrence that the exact products
  // obey (Simon 1984): what rounding has added grows as the components of converged vectors do.
  void foresee(std::size_t blocks, const Block& inner, const GramFactor<W>& expected) {
    const std::size_t last = blocks - 1;
    future_.assign(blocks, Block());
    const double fresh = noise_ * kEpsilon * std::max(scaleOfOperator_, largestEntry(inner));
    lost_ = 0;
    for (std::size_t i = 0; i + 1 < last; i++) {
      Block sum;
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
    for (std::size_t i = last > 0 ? last - 1 : 0; i < blocks; i++) future_[i] = filled<W>(kEpsilon);
    past_.swap(present_);
    present_.swap(future_);
  }

  // After a full projection: nothing is lost, and the estimate is held against what was there.
  void learn(std::size_t blocks, const GramFactor<W>& expected) {
    double found = 0;
    for (std::size_t i = 0; i + 2 < blocks; i++) found = std::max(found, largestEntry(product(parts_[i], expected.inverse)));
    if (lost_ > 0 && found > lost_) noise_ *= std::min(found / lost_, 100.0);
    for (Block& own : present_) own = filled<W>(kEpsilon);
  }

  // Makes w mass-orthonormal by Cholesky-QR, twice; `image` is M w before and after, `gram` w' M w before. Dependent columns
  // are replaced by random ones made orthogonal to the basis: the Krylov space was exhausted in their direction. Returns R
  // with w before = w after R.
  Block orthonormalise(double* w, double* image, std::size_t blocks, Block gram) {
    Block r = identity<W>();
    int passes = 2;
    for (int pass = 0; pass < passes && pass < 8; pass++) {
      const GramFactor<W> factor = factorGram(gram, scaleOfOperator_);
      gram = Block();
      sweep([&](long begin, long end) {
        own_.scale(w, factor.inverse.at, begin, end);
        own_.scale(image, factor.inverse.at, begin, end);
        if (pass + 1 < passes) project(w, 1, image, &gram, begin, end);
      });
      r = product(factor.upper, r);
      if (!factor.isDependent && !(pass == 0 && factor.smallestRatio < 1e-8)) continue;
      for (std::size_t column = 0; column < W; column++) {
        if (!factor.dependent[column]) continue;
        for (std::size_t i = column; i < width_; i += W) w[i] = draws_.next() / 4294967296.0 - 0.5;
      }
      if (factor.isDependent) isAlways_ = true;
      for (int repeat = 0; repeat < (factor.isDependent ? 2 : 1); repeat++) {
        multiplyMass(w, image, 0, rows());
        parts_.assign(std::max<std::size_t>(1, blocks), Block());
        project(basis_, blocks, image, parts_.data(), 0, rows());
        subtract(basis_, blocks, parts_.data(), w, 0, rows());
      }
      multiplyMass(w, image, 0, rows());
      gram = Block();
      project(w, 1, image, &gram, 0, rows());
      passes = std::max(passes, pass + 3);
    }
    return r;
  }

  // Eigenpairs of the projected operator, the last `width` entries of each vector. False when there are none to be had.
  bool eigen(std::size_t blocks, std::size_t width) {
    const std::size_t n = W * blocks;
    std::vector<double> a(n * n, 0.0);
    for (std::size_t j = 0; j < blocks; j++) {
      for (std::size_t p = 0; p < W; p++) {
        for (std::size_t q = 0; q < W; q++) {
          a[(W * j + p) * n + W * j + q] = diagonals_[j].at[W * p + q];
          if (j + 1 == blocks) continue;
          a[(W * j + W + p) * n + W * j + q] = couplings_[j].at[W * p + q];
          a[(W * j + q) * n + W * j + W + p] = couplings_[j].at[W * p + q];
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
  double largestResidual(std::size_t blocks, const Block& beta) {
    if (!eigen(blocks, W)) return std::numeric_limits<double>::quiet_NaN();
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
      for (int a = 0; a < W; a++) {
        double sum = 0;
        for (int b = 0; b < W; b++) sum += beta(a, b) * small_[W * index + static_cast<std::size_t>(b)];
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
  void giveVectors(std::size_t blocks, const Block& beta) {
    const std::size_t wanted = task_.below + task_.above, n = W * blocks, all = W / 4 * (blocks + 1);
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
      for (int a = 0; a < W; a++) {
        double sum = 0;
        for (int b = 0; b < W; b++) sum += beta(a, b) * row[n - W + static_cast<std::size_t>(b)];
        column[4 * (n + static_cast<std::size_t>(a))] = sum / theta;
      }
    }
    const BlockCombination combination(kernels_, all, coefficients.data(), outBlocks, W);
    Scratch<double> work(combination.workSize());
    combination.rows(size_, basis_, task_.vectors, work.get(), 0, size_);
    outcome_.isGiven = true;
  }

  const SpectralKernels& kernels_;
  const SpectralRowKernels& own_;
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
  std::vector<Block> diagonals_, couplings_;
  std::vector<Block> parts_;
  // Estimates of Q_i' M Q_j for the last block j and the one before, and for the block that is being made.
  std::vector<Block> present_, past_, future_;
  double lost_ = 0, noise_ = kFirstNoise;
  bool mustRepeat_ = false, isAlways_ = false;
  std::vector<double> thetas_, small_;
};

}  // namespace

std::size_t sliceBasis(std::size_t size, std::size_t wanted) {
  const std::size_t width = widthFor(size);
  return (sliceBlocks(size, wanted, width) + 1) * width * size;
}

SliceOutcome solveSlice(const SpectralKernels& kernels, const SpectralSymbolic& symbolic, const SpectralPair& pair,
                        const SliceTask& task, double* basis) {
  if (widthFor(static_cast<std::size_t>(pair.size)) == 8) return BlockLanczos<8>(kernels, symbolic, pair, task, basis).run();
  return BlockLanczos<4>(kernels, symbolic, pair, task, basis).run();
}

}  // namespace neuroloom
