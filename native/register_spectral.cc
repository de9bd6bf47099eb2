// Kernels of the eigen-solver: see spectral.h. Sizes first; the wrappers in src/native check the arrays.
#include <algorithm>
#include <atomic>
#include <exception>
#include <vector>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "scratch.h"
#include "spectral_arguments.h"
#include "spectral_products.h"
#include "spectral_slice.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many rows of a block.
constexpr std::size_t kGrain = 2048;
// Shares that a sum over rows is cut into: enough for the threads of a node, few enough to be added up in no time.
constexpr std::size_t kMostShares = 8;
// Vertices whose squared components stay in the cache while the weights pass by.
constexpr std::size_t kSquareRows = 48;
// Rows moved at a time from column to column: cache lines of four columns are met again while they are near.
constexpr std::size_t kCopyRows = 64;

// (symbolic 0-6, pair 7-12, shift, stackSize, largestPanel, largestUpdate, panels, signs) -> growth of the pivots
napi_value spectralFactor(const Call& call) {
  const SpectralSymbolic symbolic = symbolicAt(call, 0);
  const std::size_t size = static_cast<std::size_t>(symbolic.size), supernodes = static_cast<std::size_t>(symbolic.supernodes);
  const SpectralPair pair = pairAt(call, 7, size);
  const double shift = call.number(13);
  const std::size_t stackSize = call.count(14), largestPanel = call.count(15), largestUpdate = call.count(16);
  double* panels = call.doubles(17, panelNumbers(symbolic));
  signed char* signs = reinterpret_cast<signed char*>(call.bytes(18, size));
  preferLargePages(panels, panelNumbers(symbolic) * sizeof(double));
  int tallest = 0;
  for (int s = 0; s < symbolic.supernodes; s++) {
    tallest = std::max(tallest, symbolic.rowStarts[s + 1] - symbolic.rowStarts[s]);
  }
  Scratch<double> stack(stackSize), front(largestPanel), update(largestUpdate);
  Scratch<double> packed(static_cast<std::size_t>(spectral().packedSize(tallest)));
  Scratch<int> local(size), first(supernodes), next(supernodes);
  const SpectralScratch scratch{stack.get(), front.get(), update.get(), packed.get(), local.get(), first.get(), next.get()};
  return call.makeNumber(spectral().factor(symbolic, pair, shift, scratch, panels, signs));
}

// (symbolic 0-6, panels, signs, x, blocks)
napi_value spectralSolve(const Call& call) {
  const SpectralSymbolic symbolic = symbolicAt(call, 0);
  const std::size_t size = static_cast<std::size_t>(symbolic.size), blocks = call.count(10);
  const double* panels = call.doubles(7, panelNumbers(symbolic));
  const signed char* signs = reinterpret_cast<const signed char*>(call.bytes(8, size));
  double* x = call.doubles(9, 4 * size * blocks);
  const std::size_t pairs = blocks / 2;
  const std::size_t stride = scratchStride(8 * size);
  Scratch<double> work(pairs == 0 ? 0 : stride * static_cast<std::size_t>(threads()));
  forRange((blocks + 1) / 2, 1, [&](std::size_t begin, std::size_t end, int part) {
    for (std::size_t b = begin; b < end; b++) {
      double* blockPair = x + 8 * size * b;
      if (b < pairs) spectral().solvePair(symbolic, panels, signs, blockPair, work.get() + stride * static_cast<std::size_t>(part));
      else spectral().four.solve(symbolic, panels, signs, blockPair);
    }
  });
  return call.undefined();
}

// Numbers of a task in `tasks`, and of its outcome in `outcomes`, below.
constexpr std::size_t kTaskNumbers = 7, kOutcomeNumbers = 4;

// (symbolic 0-6, pair 7-12, panels[], signs[], tasks, values[], vectors[], outcomes): block Lanczos around several shifts,
// one slice per thread at a time. Of each slice tasks holds shift, below, above, seed, tolerance, mostLost, mayMove, and
// outcomes takes isConverged, isGiven, betterShift or NaN, solves.
napi_value spectralSlices(const Call& call) {
  const SpectralSymbolic symbolic = symbolicAt(call, 0);
  const std::size_t size = static_cast<std::size_t>(symbolic.size), count = call.listLength(13);
  const SpectralPair pair = pairAt(call, 7, size);
  const double* numbers = call.doubles(15, kTaskNumbers * count);
  double* outcomes = call.doubles(18, kOutcomeNumbers * count);
  std::vector<SliceTask> tasks(count);
  std::size_t basisNumbers = 0;
  for (std::size_t i = 0; i < count; i++, numbers += kTaskNumbers) {
    SliceTask& task = tasks[i];
    task.panels = call.listedDoubles(13, i, panelNumbers(symbolic));
    task.signs = reinterpret_cast<const signed char*>(call.listedBytes(14, i, size));
    task.shift = numbers[0];
    task.below = static_cast<std::size_t>(numbers[1]);
    task.above = static_cast<std::size_t>(numbers[2]);
    task.seed = static_cast<std::uint32_t>(numbers[3]);
    task.tolerance = numbers[4];
    task.mostLost = numbers[5];
    task.mayMove = numbers[6] != 0;
    const std::size_t wanted = task.below + task.above;
    task.values = call.listedDoubles(16, i, wanted);
    task.vectors = call.listedDoubles(17, i, 4 * size * ((wanted + 3) / 4));
    preferLargePages(task.vectors, wanted * size * sizeof(double));
    basisNumbers = std::max(basisNumbers, sliceBasis(size, wanted));
  }
  const int parts = partsFor(count, 1);
  const std::size_t stride = scratchStride(basisNumbers);
  // Memory of blocks that are not reached is never touched.
  Scratch<double> basis(stride * static_cast<std::size_t>(parts));
  preferLargePages(basis.get(), stride * static_cast<std::size_t>(parts) * sizeof(double));
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(parts));
  // Which thread takes a slice does not change its numbers.
  forParts(parts, [&](int part) {
    try {
      for (std::size_t i = next++; i < count; i = next++) {
        const SliceOutcome outcome =
            solveSlice(spectral(), symbolic, pair, tasks[i], basis.get() + stride * static_cast<std::size_t>(part));
        double* numbers = outcomes + kOutcomeNumbers * i;
        numbers[0] = outcome.isConverged ? 1 : 0;
        numbers[1] = outcome.isGiven ? 1 : 0;
        numbers[2] = outcome.betterShift;
        numbers[3] = static_cast<double>(outcome.solves);
      }
    } catch (...) {
      errors[static_cast<std::size_t>(part)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  return call.undefined();
}

using Multiply = void (*)(const SpectralPair&, const double*, double*, long, long);

// (size, pair 1-6, x, y, blocks)
napi_value multiply(const Call& call, Multiply kernel) {
  const std::size_t size = call.count(0), blocks = call.count(9);
  const SpectralPair pair = pairAt(call, 1, size);
  const double* x = call.doubles(7, 4 * size * blocks);
  double* y = call.doubles(8, 4 * size * blocks);
  for (std::size_t b = 0; b < blocks; b++) {
    forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
      kernel(pair, x + 4 * size * b, y + 4 * size * b, static_cast<long>(begin), static_cast<long>(end));
    });
  }
  return call.undefined();
}

napi_value spectralMultiplyMass(const Call& call) { return multiply(call, spectral().four.multiplyMass); }
napi_value spectralMultiplyStiffness(const Call& call) { return multiply(call, spectral().multiplyStiffness); }

// Adds what body(sums, begin, end) leaves in `length` sums per share of the rows, in the order of the shares, which
// depend on the size alone: the same sums for any number of threads.
template <class Body>
void sumParts(std::size_t size, std::size_t length, double* out, Body&& body) {
  const std::size_t shares = std::min<std::size_t>(kMostShares, std::max<std::size_t>(1, size / kGrain));
  const std::size_t stride = scratchStride(length);
  std::vector<double> partial(shares * stride, 0.0);
  forRange(shares, 1, [&](std::size_t from, std::size_t to, int) {
    for (std::size_t share = from; share < to; share++) {
      const int whole = static_cast<int>(shares), own = static_cast<int>(share);
      body(&partial[share * stride], static_cast<long>(partStart(size, whole, own)),
           static_cast<long>(partStart(size, whole, own + 1)));
    }
  });
  for (std::size_t i = 0; i < length; i++) {
    double sum = 0;
    for (std::size_t share = 0; share < shares; share++) sum += partial[share * stride + i];
    out[i] = sum;
  }
}

// (size, w, factors, z)
napi_value spectralSubtractColumns(const Call& call) {
  const std::size_t size = call.count(0);
  double* w = call.doubles(1, 4 * size);
  const double *factors = call.doubles(2, 4), *z = call.doubles(3, 4 * size);
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
    spectral().subtractColumns(w, factors, z, static_cast<long>(begin), static_cast<long>(end));
  });
  return call.undefined();
}

// (size, a, b, out)
napi_value spectralColumnDots(const Call& call) {
  const std::size_t size = call.count(0);
  const double *a = call.doubles(1, 4 * size), *b = call.doubles(2, 4 * size);
  sumParts(size, 4, call.doubles(3, 4), [&](double* out, long begin, long end) {
    spectral().columnDots(a, b, out, begin, end);
  });
  return call.undefined();
}

// (size, basis, count, z, zCount, h): h = Q' Z, 4 count x 4 zCount
napi_value spectralGram(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(2), zCount = call.count(4);
  const double *basis = call.doubles(1, 4 * size * count), *z = call.doubles(3, 4 * size * zCount);
  double* h = call.doubles(5, 16 * count * zCount);
  const std::size_t wide = static_cast<std::size_t>(spectral().manyWide());
  const std::size_t ld = (4 * zCount + wide - 1) / wide * wide;
  std::vector<double> padded(4 * count * ld);
  sumParts(size, padded.size(), padded.data(), [&](double* sums, long begin, long end) {
    spectral().gram(static_cast<long>(size), basis, static_cast<long>(count), z + 4 * begin, static_cast<long>(size),
                    static_cast<long>(zCount), sums, static_cast<long>(ld), begin, end);
  });
  for (std::size_t row = 0; row < 4 * count; row++) std::copy_n(&padded[row * ld], 4 * zCount, h + row * 4 * zCount);
  return call.undefined();
}

// (size, basis, count, coefficients, outCount, out)
napi_value spectralCombine(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(2), outCount = call.count(4);
  const double *basis = call.doubles(1, 4 * size * count), *coefficients = call.doubles(3, 16 * count * outCount);
  double* out = call.doubles(5, 4 * size * outCount);
  const BlockCombination combination(spectral(), count, coefficients, outCount);
  const std::size_t stride = combination.workSize();
  Scratch<double> work(stride * static_cast<std::size_t>(threads()));
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    combination.rows(size, basis, out, work.get() + stride * static_cast<std::size_t>(part), begin, end);
  });
  return call.undefined();
}

// (n, k, vectors, columns, weights, out): out[i][c] = sum over modes of weights[c][m] vectors[i][m]^2
napi_value spectralWeightedSquares(const Call& call) {
  const std::size_t n = call.count(0), k = call.count(1), columns = call.count(3);
  const double *vectors = call.doubles(2, n * k), *weights = call.doubles(4, columns * k);
  double* out = call.doubles(5, n * columns);
  const std::size_t wide = static_cast<std::size_t>(spectral().manyWide()), blocks = (k + 3) / 4;
  const std::size_t groups = (columns + wide - 1) / wide;
  Scratch<double> packed(4 * blocks * wide * groups);
  for (std::size_t g = 0; g < groups; g++) {
    double* target = packed.get() + g * 4 * blocks * wide;
    for (std::size_t mode = 0; mode < 4 * blocks; mode++) {
      for (std::size_t c = 0; c < wide; c++) {
        const std::size_t column = g * wide + c;
        *target++ = mode < k && column < columns ? weights[column * k + mode] : 0.0;
      }
    }
  }
  const std::size_t held = 4 * kSquareRows * blocks, stride = scratchStride(held + kSquareRows * wide);
  Scratch<double> copies(stride * static_cast<std::size_t>(threads()));
  forRange(n, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    double* squares = copies.get() + stride * static_cast<std::size_t>(part);
    double* result = squares + held;
    std::fill_n(squares, held, 0.0);
    for (std::size_t first = begin; first < end; first += kSquareRows) {
      const std::size_t rows = std::min(kSquareRows, end - first);
      for (std::size_t i = 0; i < rows; i++) {
        const double* row = vectors + (first + i) * k;
        double* target = squares + 4 * i;
        for (std::size_t mode = 0; mode < k; mode++) {
          target[mode / 4 * 4 * kSquareRows + mode % 4] = row[mode] * row[mode];
        }
      }
      for (std::size_t g = 0; g < groups; g++) {
        spectral().manyProduct(squares, 4 * kSquareRows, static_cast<long>(blocks), packed.get() + g * 4 * blocks * wide,
                               result, static_cast<long>(rows));
        const std::size_t taken = std::min(wide, columns - g * wide);
        for (std::size_t i = 0; i < rows; i++) {
          std::copy_n(result + i * wide, taken, out + (first + i) * columns + g * wide);
        }
      }
    }
  });
  return call.undefined();
}

// Largest entry of `columns`, refused when one is below `least`.
std::size_t columnsUpTo(const int* columns, std::size_t count, int least) {
  int largest = -1;
  for (std::size_t c = 0; c < count; c++) {
    if (columns[c] < least) throw ArgumentError("a column is outside");
    largest = std::max(largest, columns[c]);
  }
  return static_cast<std::size_t>(largest + 1);
}

std::size_t blocksOf(std::size_t columns) { return (columns + 3) / 4; }

// First number of column c in blocks of four.
std::size_t columnStart(std::size_t size, int c) {
  return 4 * size * static_cast<std::size_t>(c / 4) + static_cast<std::size_t>(c % 4);
}

// (size, count, from, fromColumns, to, toColumns)
napi_value spectralCopyColumns(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(1);
  const int *fromColumns = call.ints(3, count), *toColumns = call.ints(5, count);
  const double* from = call.doubles(2, 4 * size * blocksOf(columnsUpTo(fromColumns, count, 0)));
  double* to = call.doubles(4, 4 * size * blocksOf(columnsUpTo(toColumns, count, 0)));
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t first = begin; first < end; first += kCopyRows) {
      const std::size_t rows = std::min(kCopyRows, end - first);
      for (std::size_t c = 0; c < count; c++) {
        const double* source = from + columnStart(size, fromColumns[c]) + 4 * first;
        double* target = to + columnStart(size, toColumns[c]) + 4 * first;
        for (std::size_t i = 0; i < rows; i++) target[4 * i] = source[4 * i];
      }
    }
  });
  return call.undefined();
}

// (size, count, vectors, columns, places, n, k, out, outColumns)
napi_value spectralToRows(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(1), n = call.count(5), k = call.count(6);
  const int *columns = call.ints(3, count), *places = call.ints(4, size), *outColumns = call.ints(8, count);
  const double* vectors = call.doubles(2, 4 * size * blocksOf(columnsUpTo(columns, count, 0)));
  double* out = call.doubles(7, n * k);
  if (columnsUpTo(outColumns, count, 0) > k) throw ArgumentError("a column is outside");
  for (std::size_t i = 0; i < size; i++) {
    if (places[i] < 0 || static_cast<std::size_t>(places[i]) >= n) throw ArgumentError("a row is outside");
  }
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t first = begin; first < end; first += kCopyRows) {
      const std::size_t last = std::min(end, first + kCopyRows);
      for (std::size_t c = 0; c < count; c++) {
        const double* source = vectors + columnStart(size, columns[c]);
        double* target = out + outColumns[c];
        for (std::size_t i = first; i < last; i++) target[static_cast<std::size_t>(places[i]) * k] = source[4 * i];
      }
    }
  });
  return call.undefined();
}

// (n, k, vectors)
napi_value spectralFixSigns(const Call& call) {
  const std::size_t n = call.count(0), k = call.count(1);
  double* vectors = call.doubles(2, n * k);
  std::vector<double> largest(k, 0.0), sign(k, 1.0);
  for (std::size_t i = 0; i < n; i++) {
    const double* row = vectors + i * k;
    for (std::size_t c = 0; c < k; c++) {
      const double size = row[c] < 0 ? -row[c] : row[c];
      if (size <= largest[c] * (1 + 1e-9)) continue;
      largest[c] = size;
      sign[c] = row[c] < 0 ? -1.0 : 1.0;
    }
  }
  forRange(n, kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t i = begin; i < end; i++)
      for (std::size_t c = 0; c < k; c++) vectors[i * k + c] *= sign[c];
  });
  return call.undefined();
}

// (n, a, b, values, rows) -> 1, the pivot of b that is not positive, or 2 when the iteration did not end
napi_value spectralPencil(const Call& call) {
  const std::size_t n = call.count(0);
  double *a = call.doubles(1, n * n), *b = call.doubles(2, n * n);
  double *values = call.doubles(3, n), *rows = call.doubles(4, n * n);
  const double pivot = spectral().reducePencil(static_cast<int>(n), a, b);
  if (pivot != 1) return call.makeNumber(pivot);
  if (!ascendingEigen(spectral(), n, a, n, values, rows)) return call.makeNumber(2);
  spectral().solveUpper(static_cast<int>(n), b, rows);
  return call.makeNumber(1);
}

}  // namespace

void registerSpectral(napi_env env, napi_value exports) {
  defineFunction<spectralCopyColumns>(env, exports, "spectralCopyColumns");
  defineFunction<spectralToRows>(env, exports, "spectralToRows");
  defineFunction<spectralFixSigns>(env, exports, "spectralFixSigns");
  defineFunction<spectralFactor>(env, exports, "spectralFactor");
  defineFunction<spectralSlices>(env, exports, "spectralSlices");
  defineFunction<spectralSolve>(env, exports, "spectralSolve");
  defineFunction<spectralMultiplyMass>(env, exports, "spectralMultiplyMass");
  defineFunction<spectralMultiplyStiffness>(env, exports, "spectralMultiplyStiffness");
  defineFunction<spectralSubtractColumns>(env, exports, "spectralSubtractColumns");
  defineFunction<spectralColumnDots>(env, exports, "spectralColumnDots");
  defineFunction<spectralGram>(env, exports, "spectralGram");
  defineFunction<spectralWeightedSquares>(env, exports, "spectralWeightedSquares");
  defineFunction<spectralCombine>(env, exports, "spectralCombine");
  defineFunction<spectralPencil>(env, exports, "spectralPencil");
}

}  // namespace neuroloom
