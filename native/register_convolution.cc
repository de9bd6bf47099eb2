// 3x3x3 convolution and its gradients: packing, scratch, and the split over threads. Filters are [27][cin][cout].
#include <cstring>
#include <vector>

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
  // A ring of their factors is twice as large as the rows.
  const ConvFilterPass pass = {s.grid(2 * neighbour.channels), center, neighbour};
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

// ---- convolution of an upsampled and joined input ------------------------------------------------------------------

// Sizes of the fine grid, all even.
struct UpShape {
  std::size_t n, x, y, z, cLow, cSkip, cout;

  std::size_t voxels() const { return n * x * y * z; }
  std::size_t cin() const { return cLow + cSkip; }
  Shape skip() const { return {n, x, y, z, cSkip, cout}; }
  // What a fine voxel costs is at most that of all its channels.
  Shape joined() const { return {n, x, y, z, cin(), cout}; }
  Shape coarse() const { return {n, x / 2, y / 2, z / 2, cLow, cout}; }
};

UpShape upShapeOf(const Call& call) {
  const UpShape s = {call.count(0), call.count(1), call.count(2), call.count(3),
                     call.count(4), call.count(5), call.count(6)};
  if (s.x % 2 || s.y % 2 || s.z % 2 || s.voxels() == 0 || s.cLow == 0 || s.cSkip == 0 || s.cout == 0) {
    throw ArgumentError("the sizes must be even and positive");
  }
  return s;
}

// The taps that look at a coarse voxel from the fine voxel at an offset of -1, 0, 1 or 2 from its first one.
constexpr int kFirstTap[4] = {2, 1, 0, 0}, kLastTap[4] = {2, 2, 1, 0};

// Calls body(offset, tap) for all pairs of one offset [4][4][4] and one tap [27] that belong together.
template <class Body>
void forTapsOfOffsets(Body&& body) {
  for (int offset = 0; offset < 64; offset++) {
    const int ox = offset / 16, oy = offset / 4 % 4, oz = offset % 4;
    for (int a = kFirstTap[ox]; a <= kLastTap[ox]; a++) {
      for (int b = kFirstTap[oy]; b <= kLastTap[oy]; b++) {
        for (int c = kFirstTap[oz]; c <= kLastTap[oz]; c++) body(offset, (a * 3 + b) * 3 + c);
      }
    }
  }
}

// The part of a filter [27][cLow + cSkip][cout] that sees the coarse channels, as [4][4][4][cLow][cout].
void mergeUpFilter(const UpShape& s, const float* filter, float* merged) {
  const std::size_t length = s.cLow * s.cout;
  std::memset(merged, 0, 64 * length * sizeof(float));
  forTapsOfOffsets([&](int offset, int tap) {
    const float* from = filter + static_cast<std::size_t>(tap) * s.cin() * s.cout;
    float* to = merged + static_cast<std::size_t>(offset) * length;
    for (std::size_t i = 0; i < length; i++) to[i] += from[i];
  });
}

// The part that sees the skip connection, as [27][cSkip][cout].
void skipFilter(const UpShape& s, const float* filter, float* part) {
  for (std::size_t tap = 0; tap < 27; tap++) {
    std::memcpy(part + tap * s.cSkip * s.cout, filter + (tap * s.cin() + s.cLow) * s.cout,
                s.cSkip * s.cout * sizeof(float));
  }
}

// (n, x, y, z, cLow, cSkip, cout, low, skip, filter, bias, slope, output): sizes of the fine grid
napi_value upConvForward(const Call& call) {
  const UpShape s = upShapeOf(call);
  const float* low = call.floats(7, s.voxels() / 8 * s.cLow);
  const float* skip = call.floats(8, s.voxels() * s.cSkip);
  const float* filter = call.floats(9, 27 * s.cin() * s.cout);
  const float* bias = call.floats(10, s.cout);
  const float slope = slopeOf(call, 11);
  float* y = call.floats(12, s.voxels() * s.cout);
  const ConvKernels& conv = *kernels().conv;
  const std::size_t padded = convPadded(s.cout, static_cast<std::size_t>(kernels().lanes));
  Scratch<float> merged(64 * s.cLow * s.cout), part(27 * s.cSkip * s.cout);
  Scratch<float> packedLow(conv.packedUpFloats(s.cLow, s.cout)), packedSkip(27 * s.cSkip * padded);
  mergeUpFilter(s, filter, merged.get());
  skipFilter(s, filter, part.get());
  conv.packUp(merged.get(), s.cLow, s.cout, false, packedLow.get());
  conv.packSkip(part.get(), s.cSkip, s.cout, packedSkip.get());
  const UpConvPass pass = {s.joined().grid(s.cSkip + s.cLow / 4 + 1), low,  skip,  s.cLow, s.cSkip,
                           packedLow.get(), packedSkip.get(),         bias, slope, y,      s.cout};
  forRange(convItems(pass.grid), s.skip().grain(pass.grid),
           [&](std::size_t begin, std::size_t end, int) { conv.convolveUp(pass, begin, end); });
  return call.undefined();
}

void gradientToLow(const UpShape& s, const ConvSource& output, const float* filter, float* dLow) {
  const ConvKernels& conv = *kernels().conv;
  Scratch<float> merged(64 * s.cLow * s.cout), packed(conv.packedUpFloats(s.cout, s.cLow));
  mergeUpFilter(s, filter, merged.get());
  conv.packUp(merged.get(), s.cout, s.cLow, true, packed.get());
  const Shape coarse = s.coarse();
  ConvGrid grid = {s.n, coarse.x, coarse.y, coarse.z, 1};
  while (grid.band < kMostBand && grid.band < grid.y &&
         fineRingFloats({s.n, coarse.x, coarse.y, coarse.z, grid.band + 1}, s.cout) * sizeof(float) <= kBandBytes) {
    grid.band++;
  }
  const LowGradientPass pass = {grid, output, packed.get(), dLow, s.cLow};
  const std::size_t items = convItems(grid), grain = coarse.grain(grid);
  const std::size_t ring = output.gate == nullptr ? 0 : scratchStride(fineRingFloats(grid, s.cout));
  Scratch<float> rings(ring * static_cast<std::size_t>(partsFor(items, grain)));
  forRange(items, grain, [&](std::size_t begin, std::size_t end, int part) {
    conv.gradientToLow(pass, rings.get() + ring * static_cast<std::size_t>(part), begin, end);
  });
}

// Gradient of the coarse part of the filter, written into dw [27][cLow + cSkip][cout].
void upFilterGradient(const UpShape& s, const float* low, const ConvSource& output, float* dw) {
  const ConvKernels& conv = *kernels().conv;
  const std::size_t padded = convPadded(s.cout, static_cast<std::size_t>(kernels().lanes));
  const UpFilterPass pass = {s.skip().grid(s.cout + s.cLow / 4 + 1), output, low, s.cLow};
  const std::size_t items = convItems(pass.grid), grain = s.skip().grain(pass.grid);
  const std::size_t parts = static_cast<std::size_t>(partsFor(items, grain));
  const std::size_t sumCount = 64 * s.cLow * padded, sumStride = scratchStride(sumCount);
  const std::size_t floatStride = scratchStride(conv.upFilterScratchFloats(pass));
  Scratch<double> sums(sumStride * parts);
  Scratch<float> scratch(floatStride * parts);
  forRange(items, grain, [&](std::size_t begin, std::size_t end, int part) {
    double* own = sums.get() + sumStride * static_cast<std::size_t>(part);
    std::memset(own, 0, sumCount * sizeof(double));
    conv.filterGradientUp(pass, scratch.get() + floatStride * static_cast<std::size_t>(part), own, begin, end);
  });
  for (std::size_t part = 1; part < parts; part++) {
    const double* other = sums.get() + sumStride * part;
    for (std::size_t i = 0; i < sumCount; i++) sums.get()[i] += other[i];
  }
  std::vector<double> taps(27 * s.cLow * s.cout, 0);
  forTapsOfOffsets([&](int offset, int tap) {
    for (std::size_t ci = 0; ci < s.cLow; ci++) {
      const double* from = sums.get() + (static_cast<std::size_t>(offset) * s.cLow + ci) * padded;
      double* to = taps.data() + (static_cast<std::size_t>(tap) * s.cLow + ci) * s.cout;
      for (std::size_t co = 0; co < s.cout; co++) to[co] += from[co];
    }
  });
  for (std::size_t tap = 0; tap < 27; tap++) {
    for (std::size_t i = 0; i < s.cLow * s.cout; i++) {
      dw[tap * s.cin() * s.cout + i] = static_cast<float>(taps[tap * s.cLow * s.cout + i]);
    }
  }
}

// (n, x, y, z, cLow, cSkip, cout, low, skip, filter, output, slope, dOutput, dLow or null, dSkip or null,
// dFilter or null, dBias or null); output is read only where slope is not 1.
napi_value upConvBackward(const Call& call) {
  const UpShape s = upShapeOf(call);
  const std::size_t filterLength = 27 * s.cin() * s.cout;
  const float* low = call.floats(7, s.voxels() / 8 * s.cLow);
  const float* skip = call.floats(8, s.voxels() * s.cSkip);
  const float* filter = call.floats(9, filterLength);
  const float slope = slopeOf(call, 11);
  const float* y = slope == 1 ? nullptr : call.floats(10, s.voxels() * s.cout);
  const ConvSource output = {call.floats(12, s.voxels() * s.cout), y, slope, s.cout};
  float* dLow = call.floatsOrNull(13, s.voxels() / 8 * s.cLow);
  float* dSkip = call.floatsOrNull(14, s.voxels() * s.cSkip);
  float* dw = call.floatsOrNull(15, filterLength);
  float* db = call.floatsOrNull(16, s.cout);
  Scratch<float> part(27 * s.cSkip * s.cout);
  if (dLow != nullptr) gradientToLow(s, output, filter, dLow);
  if (dSkip != nullptr) {
    skipFilter(s, filter, part.get());
    convolve(s.skip(), output, s.cSkip, part.get(), true, nullptr, 1, dSkip);
  }
  if (dw != nullptr) {
    filterGradient(s.skip(), {skip, nullptr, 1, s.cSkip}, output, part.get(), db);
    for (std::size_t tap = 0; tap < 27; tap++) {
      std::memcpy(dw + (tap * s.cin() + s.cLow) * s.cout, part.get() + tap * s.cSkip * s.cout,
                  s.cSkip * s.cout * sizeof(float));
    }
    upFilterGradient(s, low, output, dw);
  } else if (db != nullptr) {
    biasGradient(s.skip(), output, db);
  }
  return call.undefined();
}

}  // namespace

void registerConvolution(napi_env env, napi_value exports) {
  defineFunction<convForward>(env, exports, "convForward");
  defineFunction<convBackward>(env, exports, "convBackward");
  defineFunction<upConvForward>(env, exports, "upConvForward");
  defineFunction<upConvBackward>(env, exports, "upConvBackward");
}

}  // namespace neuroloom
