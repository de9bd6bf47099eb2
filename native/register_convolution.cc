// 3x3x3 convolution and its gradients: packing, scratch, and the split over threads. Filters are [27][cin][cout].
#include <cstring>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "scratch.h"

namespace neuroloom {
namespace {

// Three planes of a band stay in the second-level cache of the common processors.
constexpr std::size_t kBandBytes = 384 * 1024;

// Multiply-adds that are worth a thread.
constexpr double kGrain = 100000;

struct Shape {
  std::size_t n, x, y, z, cin, cout;

  std::size_t voxels() const { return n * x * y * z; }
  std::size_t filter() const { return 27 * cin * cout; }

  ConvGrid grid(std::size_t channels) const {
    const std::size_t rows = kBandBytes / (3 * z * channels * sizeof(float) + 1);
    const std::size_t band = rows < 4 ? 2 : (rows - 2 < kMostBand ? rows - 2 : kMostBand);
    return {n, x, y, z, band < y ? band : y};
  }

  // Items per part below which another thread costs more than it gives.
  std::size_t grain(const ConvGrid& g) const {
    const double perItem = 27.0 * static_cast<double>(g.band * z) * static_cast<double>(cin * cout);
    return perItem >= kGrain ? 1 : static_cast<std::size_t>(kGrain / perItem);
  }
};

Shape shapeOf(const Call& call) {
  const Shape s = {call.count(0), call.count(1), call.count(2), call.count(3), call.count(4), call.count(5)};
  if (s.voxels() == 0 || s.filter() == 0) throw ArgumentError("the sizes must be positive");
  return s;
}

float slopeOf(const Call& call, std::size_t index) {
  const double slope = call.number(index);
  if (!(slope >= 0)) throw ArgumentError("the slope must not be negative");
  return static_cast<float>(slope);
}

// One pass with the filter packed on the fly.
void convolve(const Shape& s, const ConvSource& source, std::size_t channels, const float* filter, bool transposed,
              const float* bias, float slope, float* result) {
  const ConvKernels& conv = *kernels().conv;
  Scratch<float> packed(conv.packedFloats(source.channels, channels));
  conv.packFilter(filter, source.channels, channels, transposed, packed.get());
  const ConvPass pass = {s.grid(source.channels), source, packed.get(), bias, slope, result, channels};
  const std::size_t items = convItems(pass.grid), grain = s.grain(pass.grid);
  const std::size_t ring =
      source.gate == nullptr ? 0 : scratchStride(convRingFloats(pass.grid, source.channels));
  Scratch<float> rings(ring * static_cast<std::size_t>(partsFor(items, grain)));
  forRange(items, grain, [&](std::size_t begin, std::size_t end, int part) {
    conv.convolve(pass, rings.get() + ring * static_cast<std::size_t>(part), begin, end);
  });
}

void biasGradient(const Shape& s, const ConvSource& output, float* db) {
  const ConvGrid grid = s.grid(s.cout);
  const std::size_t items = convItems(grid), grain = s.grain(grid);
  const std::size_t parts = static_cast<std::size_t>(partsFor(items, grain)), stride = scratchStride(s.cout);
  Scratch<double> sums(stride * parts);
  forRange(items, grain, [&](std::size_t begin, std::size_t end, int part) {
    double* own = sums.get() + stride * static_cast<std::size_t>(part);
    for (std::size_t c = 0; c < s.cout; c++) own[c] = 0;
    kernels().conv->channelSums(grid, output, own, begin, end);
  });
  for (std::size_t c = 0; c < s.cout; c++) {
    double total = 0;
    for (std::size_t part = 0; part < parts; part++) total += sums.get()[stride * part + c];
    db[c] = static_cast<float>(total);
  }
}

// Whether the gradient of the filter is cheaper with the input channels along the vector.
bool swapsRoles(const Shape& s, std::size_t lanes) {
  return s.cout * convPadded(s.cin, lanes) < s.cin * convPadded(s.cout, lanes);
}

// Writes dw, and db unless it is null.
void filterGradient(const Shape& s, const ConvSource& input, const ConvSource& output, float* dw, float* db) {
  const ConvKernels& conv = *kernels().conv;
  const std::size_t lanes = static_cast<std::size_t>(kernels().lanes);
  const bool swapped = swapsRoles(s, lanes);
  const ConvSource& center = swapped ? input : output;
  const ConvSource& neighbour = swapped ? output : input;
  const ConvFilterPass pass = {s.grid(neighbour.channels), center, neighbour};
  const std::size_t items = convItems(pass.grid), grain = s.grain(pass.grid);
  const std::size_t parts = static_cast<std::size_t>(partsFor(items, grain));
  const std::size_t padded = convPadded(center.channels, lanes);
  const std::size_t filterSums = 27 * neighbour.channels * padded;
  const std::size_t sumCount = filterSums + padded, sumStride = scratchStride(sumCount);
  const std::size_t floatStride = scratchStride(conv.filterScratchFloats(pass));
  Scratch<double> sums(sumStride * parts);
  Scratch<float> scratch(floatStride * parts);
  forRange(items, grain, [&](std::size_t begin, std::size_t end, int part) {
    const std::size_t index = static_cast<std::size_t>(part);
    double* own = sums.get() + sumStride * index;
    std::memset(own, 0, sumCount * sizeof(double));
    double* centerSums = db == nullptr || swapped ? nullptr : own + filterSums;
    conv.filterGradient(pass, scratch.get() + floatStride * index, own, centerSums, begin, end);
  });
  for (std::size_t part = 1; part < parts; part++) {
    const double* other = sums.get() + sumStride * part;
    for (std::size_t i = 0; i < sumCount; i++) sums.get()[i] += other[i];
  }
  for (std::size_t tap = 0; tap < 27; tap++) {
    for (std::size_t ci = 0; ci < s.cin; ci++) {
      float* out = dw + (tap * s.cin + ci) * s.cout;
      for (std::size_t co = 0; co < s.cout; co++) {
        // With the roles swapped the offset from center to neighbour is the opposite one.
        const std::size_t at = swapped ? ((26 - tap) * s.cout + co) * padded + ci : (tap * s.cin + ci) * padded + co;
        out[co] = static_cast<float>(sums.get()[at]);
      }
    }
  }
  if (db == nullptr) return;
  if (swapped) return biasGradient(s, output, db);
  for (std::size_t co = 0; co < s.cout; co++) db[co] = static_cast<float>(sums.get()[filterSums + co]);
}

// (n, x, y, z, cin, cout, input, filter, bias or null, slope, output)
napi_value convForward(const Call& call) {
  const Shape s = shapeOf(call);
  const float* x = call.floats(6, s.voxels() * s.cin);
  const float* w = call.floats(7, s.filter());
  const float* bias = call.floatsOrNull(8, s.cout);
  const float slope = slopeOf(call, 9);
  float* y = call.floats(10, s.voxels() * s.cout);
  convolve(s, {x, nullptr, 1, s.cin}, s.cout, w, false, bias, slope, y);
  return call.undefined();
}

// (n, x, y, z, cin, cout, input, filter, output, slope, dOutput, dInput or null, dFilter or null, dBias or null);
// output is read only where slope is not 1, input and filter only for dFilter and dInput.
napi_value convBackward(const Call& call) {
  const Shape s = shapeOf(call);
  const float slope = slopeOf(call, 9);
  const float* y = slope == 1 ? nullptr : call.floats(8, s.voxels() * s.cout);
  const ConvSource output = {call.floats(10, s.voxels() * s.cout), y, slope, s.cout};
  float* dx = call.floatsOrNull(11, s.voxels() * s.cin);
  float* dw = call.floatsOrNull(12, s.filter());
  float* db = call.floatsOrNull(13, s.cout);
  if (dx != nullptr) convolve(s, output, s.cin, call.floats(7, s.filter()), true, nullptr, 1, dx);
  if (dw != nullptr) {
    filterGradient(s, {call.floats(6, s.voxels() * s.cin), nullptr, 1, s.cin}, output, dw, db);
  } else if (db != nullptr) {
    biasGradient(s, output, db);
  }
  return call.undefined();
}

}  // namespace

void registerConvolution(napi_env env, napi_value exports) {
  defineFunction<convForward>(env, exports, "convForward");
  defineFunction<convBackward>(env, exports, "convBackward");
}

}  // namespace neuroloom
