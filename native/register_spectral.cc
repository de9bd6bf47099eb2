// Kernels of the eigen-solver: see spectral.h. Sizes first; the wrappers in src/native check the arrays.
#include <algorithm>
#include <vector>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "scratch.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many rows of a block.
constexpr std::size_t kGrain = 2048;
// Rows of `combine` that are copied aside, so that the result may stand where the basis stood.
constexpr long kCombineRows = 64;

const SpectralKernels& spectral() { return *kernels().spectral; }

// (size, supernodes, superStarts, rowStarts, rows, panelStarts, parents) from argument `at` on
SpectralSymbolic symbolicAt(const Call& call, std::size_t at) {
  SpectralSymbolic symbolic{};
  const std::size_t size = call.count(at), supernodes = call.count(at + 1);
  symbolic.size = static_cast<int>(size);
  symbolic.supernodes = static_cast<int>(supernodes);
  symbolic.superStarts = call.ints(at + 2, supernodes + 1);
  symbolic.rowStarts = call.ints(at + 3, supernodes + 1);
  symbolic.rows = call.ints(at + 4, static_cast<std::size_t>(symbolic.rowStarts[supernodes]));
  symbolic.panelStarts = call.doubles(at + 5, supernodes + 1);
  symbolic.parents = call.ints(at + 6, supernodes);
  return symbolic;
}

std::size_t panelNumbers(const SpectralSymbolic& symbolic) {
  return static_cast<std::size_t>(symbolic.panelStarts[symbolic.supernodes]);
}

// (starts, columns, stiffness, mass, diagonalMass or null, rowSums) from argument `at` on
SpectralPair pairAt(const Call& call, std::size_t at, std::size_t size) {
  SpectralPair pair{};
  pair.size = static_cast<int>(size);
  pair.starts = call.ints(at, size + 1);
  const std::size_t entries = static_cast<std::size_t>(pair.starts[size]);
  pair.columns = call.ints(at + 1, entries);
  pair.stiffness = call.doubles(at + 2, entries);
  pair.mass = call.doubles(at + 3, entries);
  pair.diagonalMass = call.isNull(at + 4) ? nullptr : call.doubles(at + 4, size);
  pair.rowSums = call.doubles(at + 5, size);
  return pair;
}

// (symbolic 0-6, pair 7-12, shift, stackSize, largestPanel, largestUpdate, panels, signs) -> largest pivot
napi_value spectralFactor(const Call& call) {
  const SpectralSymbolic symbolic = symbolicAt(call, 0);
  const std::size_t size = static_cast<std::size_t>(symbolic.size), supernodes = static_cast<std::size_t>(symbolic.supernodes);
  const SpectralPair pair = pairAt(call, 7, size);
  const double shift = call.number(13);
  const std::size_t stackSize = call.count(14), largestPanel = call.count(15), largestUpdate = call.count(16);
  double* panels = call.doubles(17, panelNumbers(symbolic));
  signed char* signs = reinterpret_cast<signed char*>(call.bytes(18, size));
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
  forRange(blocks, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t b = begin; b < end; b++) spectral().solve(symbolic, panels, signs, x + 4 * size * b);
  });
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

napi_value spectralMultiplyMass(const Call& call) { return multiply(call, spectral().multiplyMass); }
napi_value spectralMultiplyStiffness(const Call& call) { return multiply(call, spectral().multiplyStiffness); }

// Adds what body(sums, begin, end) leaves in `length` sums per part, in the order of the parts.
template <class Body>
void sumParts(std::size_t size, std::size_t length, double* out, Body&& body) {
  const std::size_t stride = scratchStride(length);
  std::vector<double> partial(static_cast<std::size_t>(threads()) * stride, 0.0);
  const int parts = forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    body(&partial[static_cast<std::size_t>(part) * stride], static_cast<long>(begin), static_cast<long>(end));
  });
  for (std::size_t i = 0; i < length; i++) {
    double sum = 0;
    for (int part = 0; part < parts; part++) sum += partial[static_cast<std::size_t>(part) * stride + i];
    out[i] = sum;
  }
}

// (size, basis, count, z, h)
napi_value spectralProject(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(2);
  const double *basis = call.doubles(1, 4 * size * count), *z = call.doubles(3, 4 * size);
  sumParts(size, 16 * count, call.doubles(4, 16 * count), [&](double* h, long begin, long end) {
    spectral().project(static_cast<long>(size), basis, static_cast<long>(count), z, h, begin, end);
  });
  return call.undefined();
}

// (size, basis, count, h, w)
napi_value spectralSubtract(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(2);
  const double *basis = call.doubles(1, 4 * size * count), *h = call.doubles(3, 16 * count);
  double* w = call.doubles(4, 4 * size);
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
    spectral().add(static_cast<long>(size), basis, static_cast<long>(count), h, -1.0, w, static_cast<long>(begin),
                   static_cast<long>(end));
  });
  return call.undefined();
}

// (size, w, g)
napi_value spectralScale(const Call& call) {
  const std::size_t size = call.count(0);
  double* w = call.doubles(1, 4 * size);
  const double* g = call.doubles(2, 16);
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int) {
    spectral().scale(w, g, static_cast<long>(begin), static_cast<long>(end));
  });
  return call.undefined();
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

// (size, basis, count, coefficients, outCount, out)
napi_value spectralCombine(const Call& call) {
  const std::size_t size = call.count(0), count = call.count(2), outCount = call.count(4);
  const double *basis = call.doubles(1, 4 * size * count), *coefficients = call.doubles(3, 16 * count * outCount);
  double* out = call.doubles(5, 4 * size * outCount);
  const std::size_t held = 4 * kCombineRows * count;
  Scratch<double> copies(held * static_cast<std::size_t>(threads()));
  forRange(size, kGrain, [&](std::size_t begin, std::size_t end, int part) {
    double* copy = copies.get() + held * static_cast<std::size_t>(part);
    for (std::size_t first = begin; first < end; first += kCombineRows) {
      const std::size_t rows = std::min<std::size_t>(kCombineRows, end - first);
      for (std::size_t j = 0; j < count; j++) {
        std::copy_n(basis + 4 * (j * size + first), 4 * rows, copy + 4 * kCombineRows * j);
      }
      for (std::size_t b = 0; b < outCount; b++) {
        double* to = out + 4 * (b * size + first);
        std::fill_n(to, 4 * rows, 0.0);
        spectral().add(kCombineRows, copy, static_cast<long>(count), coefficients + 16 * count * b, 1.0, to, 0,
                       static_cast<long>(rows));
      }
    }
  });
  return call.undefined();
}

// (n, a, width, values, rows) -> whether it converged; ascending
napi_value spectralSmallEigen(const Call& call) {
  const std::size_t n = call.count(0), width = call.count(2);
  if (width > n) throw ArgumentError("more entries than the vectors have");
  double *a = call.doubles(1, n * n), *values = call.doubles(3, n), *rows = call.doubles(4, n * width);
  Scratch<double> turned(n * width), found(n), work(4 * n);
  const bool converged =
      spectral().smallEigen(static_cast<int>(n), a, static_cast<int>(width), found.get(), turned.get(), work.get());
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; i++) order[i] = i;
  if (converged) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return found.get()[x] < found.get()[y]; });
  }
  for (std::size_t i = 0; i < n; i++) {
    values[i] = found.get()[order[i]];
    std::copy_n(turned.get() + order[i] * width, width, rows + i * width);
  }
  napi_value result = nullptr;
  napi_get_boolean(call.env(), converged, &result);
  return result;
}

}  // namespace

void registerSpectral(napi_env env, napi_value exports) {
  defineFunction<spectralFactor>(env, exports, "spectralFactor");
  defineFunction<spectralSolve>(env, exports, "spectralSolve");
  defineFunction<spectralMultiplyMass>(env, exports, "spectralMultiplyMass");
  defineFunction<spectralMultiplyStiffness>(env, exports, "spectralMultiplyStiffness");
  defineFunction<spectralProject>(env, exports, "spectralProject");
  defineFunction<spectralSubtract>(env, exports, "spectralSubtract");
  defineFunction<spectralScale>(env, exports, "spectralScale");
  defineFunction<spectralSubtractColumns>(env, exports, "spectralSubtractColumns");
  defineFunction<spectralColumnDots>(env, exports, "spectralColumnDots");
  defineFunction<spectralCombine>(env, exports, "spectralCombine");
  defineFunction<spectralSmallEigen>(env, exports, "spectralSmallEigen");
}

}  // namespace neuroloom
