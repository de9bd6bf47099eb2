// Warps, integration of velocities, upsampling of fields, their regularisers, and local cross correlation. Sizes come
// first: (n, x, y, z, ...); arrays as in warp.h, field.h and ncc.h, one item of the batch after the other.
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "warp_driver.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many voxels.
constexpr std::size_t kGrain = 8192;
// Offsets inside one item are 32 bit integers, of up to eight elements per voxel.
constexpr std::size_t kMostVoxels = std::size_t{1} << 28;
// Below this, coordinates are exact in float32.
constexpr std::size_t kMostPerAxis = std::size_t{1} << 20;

struct Extent {
  std::size_t n, x, y, z;
  std::size_t voxels() const { return x * y * z; }  // of one item
  std::size_t planeGrain() const { return 1 + kGrain / (y * z); }
  FieldShape field() const { return {x, y, z, 3}; }
};

Extent extentOf(const Call& call) {
  const Extent e = {call.count(0), call.count(1), call.count(2), call.count(3)};
  for (const std::size_t size : {e.n, e.x, e.y, e.z}) {
    if (size == 0 || size > kMostPerAxis) throw ArgumentError("a size of the grid is 0 or too large");
  }
  if (e.x * e.y > kMostVoxels || e.voxels() > kMostVoxels) throw ArgumentError("the grid is too large");
  return e;
}

// (n, x, y, z, c, border, volume, displacement, out)
napi_value warpForward(const Call& call) {
  const Extent e = extentOf(call);
  const WarpShape s = {e.x, e.y, e.z, call.count(4), call.flag(5)};
  const std::size_t item = e.voxels() * s.c;
  const float *volume = call.floats(6, e.n * item), *displacement = call.floats(7, e.n * e.voxels() * 3);
  float* out = call.floats(8, e.n * item);
  for (std::size_t k = 0; k < e.n; k++) {
    warpItem(s, volume + k * item, displacement + k * e.voxels() * 3, nullptr, out + k * item);
  }
  return call.undefined();
}

// (n, x, y, z, c, border, volume, displacement, dOut, dVolume or null, dDisplacement or null)
napi_value warpBackward(const Call& call) {
  const Extent e = extentOf(call);
  const WarpShape s = {e.x, e.y, e.z, call.count(4), call.flag(5)};
  const std::size_t item = e.voxels() * s.c, field = e.voxels() * 3;
  const float *volume = call.floats(6, e.n * item), *displacement = call.floats(7, e.n * field);
  const float* dout = call.floats(8, e.n * item);
  float *dVolume = call.floatsOrNull(9, e.n * item), *dDisplacement = call.floatsOrNull(10, e.n * field);
  if (dVolume == nullptr && dDisplacement == nullptr) return call.undefined();
  for (std::size_t k = 0; k < e.n; k++) {
    WarpBackward b = {};
    b.volume = volume + k * item;
    b.displacement = displacement + k * field;
    b.dout = dout + k * item;
    b.dDisplacement = dDisplacement == nullptr ? nullptr : dDisplacement + k * field;
    warpItemBackward(s, b, dVolume == nullptr ? nullptr : dVolume + k * item, false);
  }
  return call.undefined();
}

void scaleAll(const float* x, float factor, float* out, std::size_t length) {
  forRange(length, kGrain, [&](std::size_t begin, std::size_t end, int) {
    kernels().elementwise->affine(x + begin, factor, 0.0f, out + begin, end - begin);
  });
}

// (n, x, y, z, steps, velocity, out, stages or null)
napi_value integrateForward(const Call& call) {
  const Extent e = extentOf(call);
  const WarpShape s = {e.x, e.y, e.z, 3, true};
  const std::size_t steps = call.count(4), item = e.voxels() * 3, size = e.n * item;
  const float* velocity = call.floats(5, size);
  float *out = call.floats(6, size), *stages = call.floatsOrNull(7, steps * size);
  if (steps == 0) {
    std::memcpy(out, velocity, size * sizeof(float));
    return call.undefined();
  }
  std::unique_ptr<float[]> spare[2];
  if (stages == nullptr) {
    spare[0].reset(new float[size]);
    if (steps > 1) spare[1].reset(new float[size]);
  }
  const auto stage = [&](std::size_t k) { return stages != nullptr ? stages + k * size : spare[k % 2].get(); };
  scaleAll(velocity, std::ldexp(1.0f, -static_cast<int>(steps)), stage(0), size);
  for (std::size_t step = 0; step < steps; step++) {
    const float* from = stage(step);
    float* to = step + 1 == steps ? out : stage(step + 1);
    for (std::size_t k = 0; k < e.n; k++) {
      const float* u = from + k * item;
      warpItem(s, u, u, u, to + k * item);
    }
  }
  return call.undefined();
}

// (n, x, y, z, steps, stages, dOut, dVelocity)
napi_value integrateBackward(const Call& call) {
  const Extent e = extentOf(call);
  const WarpShape s = {e.x, e.y, e.z, 3, true};
  const std::size_t steps = call.count(4), item = e.voxels() * 3, size = e.n * item;
  const float *stages = call.floats(5, steps * size), *dout = call.floats(6, size);
  float* dVelocity = call.floats(7, size);
  std::unique_ptr<float[]> spare(steps > 1 ? new float[size] : nullptr);
  const float* gradient = dout;
  for (std::size_t step = steps; step-- > 0;) {
    // Alternating, so that the last gradient stands in dVelocity.
    float* next = step % 2 == 0 ? dVelocity : spare.get();
    for (std::size_t k = 0; k < e.n; k++) {
      WarpBackward b = {};
      b.volume = b.displacement = stages + step * size + k * item;
      b.dout = gradient + k * item;
      b.dDisplacement = next + k * item;
      b.addDout = true;
      warpItemBackward(s, b, next + k * item, true);
    }
    gradient = next;
  }
  scaleAll(gradient, std::ldexp(1.0f, -static_cast<int>(steps)), dVelocity, size);
  return call.undefined();
}

// Calls body(kernels, item, begin, end, scratch) for rows of each item, with scratch space of `floats` per thread.
template <class Body>
void forRowsWithScratch(std::size_t items, std::size_t rows, std::size_t grain, std::size_t floats, Body&& body) {
  std::unique_ptr<float[]> scratch(new float[floats * static_cast<std::size_t>(threads())]);
  for (std::size_t k = 0; k < items; k++) {
    forRange(rows, grain, [&](std::size_t begin, std::size_t end, int part) {
      body(*kernels().field, k, begin, end, scratch.get() + floats * static_cast<std::size_t>(part));
    });
  }
}

// (n, x, y, z of the half grid, u, out)
napi_value upsampleForward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t item = e.voxels() * 3;
  const float* u = call.floats(4, e.n * item);
  float* out = call.floats(5, 8 * e.n * item);
  forRowsWithScratch(e.n, 4 * e.x * e.y, 1 + kGrain / e.z, 3 * (e.z + 2) + 64,
                     [&](const FieldKernels& field, std::size_t k, std::size_t begin, std::size_t end, float* scratch) {
                       field.upsample(e.field(), u + k * item, out + 8 * k * item, scratch, begin, end);
                     });
  return call.undefined();
}

// (n, x, y, z of the half grid, dOut, du)
napi_value upsampleBackward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t item = e.voxels() * 3;
  const float* dout = call.floats(4, 8 * e.n * item);
  float* du = call.floats(5, e.n * item);
  forRowsWithScratch(e.n, e.x * e.y, 1 + kGrain / (8 * e.z), 3 * (2 * e.z + 2) + 64,
                     [&](const FieldKernels& field, std::size_t k, std::size_t begin, std::size_t end, float* scratch) {
                       field.upsampleBackward(e.field(), dout + 8 * k * item, du + k * item, scratch, begin, end);
                     });
  return call.undefined();
}

// Differences along one axis over batch, components and positions; 0 where the axis has one voxel.
double differences(const Extent& e, std::size_t c, std::size_t axis) {
  const std::size_t sizes[3] = {e.x, e.y, e.z};
  double count = static_cast<double>(e.n) * static_cast<double>(c);
  for (std::size_t k = 0; k < 3; k++) count *= static_cast<double>(sizes[k] - (k == axis ? 1 : 0));
  return count;
}

// (n, x, y, z, c, v)
napi_value smoothnessForward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t c = call.count(4), item = e.voxels() * c;
  const float* v = call.floats(5, e.n * item);
  double sums[3] = {};
  std::vector<double> partial(3 * static_cast<std::size_t>(threads()));
  for (std::size_t k = 0; k < e.n; k++) {
    const int parts = forRange(e.x, e.planeGrain(), [&](std::size_t begin, std::size_t end, int part) {
      kernels().field->smoothness({e.x, e.y, e.z, c}, v + k * item, begin, end, &partial[3 * static_cast<std::size_t>(part)]);
    });
    for (std::size_t i = 0; i < 3 * static_cast<std::size_t>(parts); i++) sums[i % 3] += partial[i];
  }
  double total = 0;
  for (std::size_t axis = 0; axis < 3; axis++) {
    const double count = differences(e, c, axis);
    if (count > 0) total += sums[axis] / count;
  }
  return call.makeNumber(total / 3);
}

// (n, x, y, z, c, v, scale, dv)
napi_value smoothnessBackward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t c = call.count(4), item = e.voxels() * c;
  const float* v = call.floats(5, e.n * item);
  const double scale = call.number(6);
  float* dv = call.floats(7, e.n * item);
  float factors[3];
  for (std::size_t axis = 0; axis < 3; axis++) {
    const double count = differences(e, c, axis);
    factors[axis] = count > 0 ? static_cast<float>(2 * scale / (3 * count)) : 0.0f;
  }
  for (std::size_t k = 0; k < e.n; k++) {
    forRange(e.x, e.planeGrain(), [&](std::size_t begin, std::size_t end, int) {
      kernels().field->smoothnessBackward({e.x, e.y, e.z, c}, v + k * item, factors, dv + k * item, begin, end);
    });
  }
  return call.undefined();
}

// (n, x, y, z, u, margin)
napi_value jacobianHingeForward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t item = e.voxels() * 3;
  const float* u = call.floats(4, e.n * item);
  const float margin = static_cast<float>(call.number(5));
  double total = 0;
  std::vector<double> partial(static_cast<std::size_t>(threads()));
  for (std::size_t k = 0; k < e.n; k++) {
    const int parts = forRange(e.x, e.planeGrain(), [&](std::size_t begin, std::size_t end, int part) {
      partial[static_cast<std::size_t>(part)] = kernels().field->jacobianHinge(e.field(), u + k * item, margin, begin, end);
    });
    for (int part = 0; part < parts; part++) total += partial[static_cast<std::size_t>(part)];
  }
  return call.makeNumber(total / static_cast<double>(e.n));
}

// (n, x, y, z, u, margin, scale, du)
napi_value jacobianHingeBackward(const Call& call) {
  const Extent e = extentOf(call);
  const std::size_t item = e.voxels() * 3;
  const float* u = call.floats(4, e.n * item);
  const float margin = static_cast<float>(call.number(5));
  const float factor = static_cast<float>(call.number(6) / static_cast<double>(e.n));
  float* du = call.floats(7, e.n * item);
  for (std::size_t k = 0; k < e.n; k++) {
    forRange(e.x, e.planeGrain(), [&](std::size_t begin, std::size_t end, int) {
      kernels().field->jacobianHingeBackward(e.field(), u + k * item, margin, factor, du + k * item, begin, end);
    });
  }
  return call.undefined();
}

NccShape nccShape(const Call& call, const Extent& e) {
  const std::size_t window = call.count(4);
  if (window % 2 == 0 || window > 1023) throw ArgumentError("the window must be odd and below 1024");
  NccShape s = {e.x, e.y, e.z, window, call.number(5), call.flag(6)};
  // The plain form bounds sums over the window, not means.
  if (!s.activeOnly) s.eps /= std::pow(static_cast<double>(window), 3);
  return s;
}

// The five arrays of one item in the saved array: all first arrays of the batch, then all second ones, and so on.
NccSaved savedItem(float* saved, std::size_t arrays, std::size_t size, std::size_t offset) {
  const auto at = [&](std::size_t k) { return k < arrays ? saved + k * size + offset : nullptr; };
  return {at(0), at(1), at(2), at(3), at(4)};
}

// A part sums up the planes of half a window before it can begin: more parts than this would repeat too much.
std::size_t nccGrain(const Extent& e, std::size_t window) { return e.planeGrain() > window ? e.planeGrain() : window; }

std::unique_ptr<double[]> nccScratch(const NccShape& s) {
  return std::unique_ptr<double[]>(new double[kernels().ncc->scratch(s) * static_cast<std::size_t>(threads())]);
}

// (n, x, y, z, window, eps, activeOnly, i, j, arrays, saved or null) -> [sum of cc, active voxels]
napi_value nccForward(const Call& call) {
  const Extent e = extentOf(call);
  const NccShape s = nccShape(call, e);
  const std::size_t item = e.voxels(), size = e.n * item, arrays = call.count(9);
  const float *i = call.floats(7, size), *j = call.floats(8, size);
  float* saved = arrays == 0 ? nullptr : call.floats(10, arrays * size);
  const std::unique_ptr<double[]> scratch = nccScratch(s);
  std::vector<NccResult> partial(static_cast<std::size_t>(threads()));
  NccResult total = {0, 0};
  for (std::size_t k = 0; k < e.n; k++) {
    const int parts = forRange(e.x, nccGrain(e, s.window), [&](std::size_t begin, std::size_t end, int part) {
      const std::size_t own = static_cast<std::size_t>(part);
      partial[own] = kernels().ncc->forward(s, i + k * item, j + k * item, savedItem(saved, arrays, size, k * item),
                                            scratch.get() + own * kernels().ncc->scratch(s), begin, end);
    });
    for (int part = 0; part < parts; part++) {
      total.sum += partial[static_cast<std::size_t>(part)].sum;
      total.active += partial[static_cast<std::size_t>(part)].active;
    }
  }
  napi_value pair = nullptr;
  napi_create_array_with_length(call.env(), 2, &pair);
  napi_set_element(call.env(), pair, 0, call.makeNumber(total.sum));
  napi_set_element(call.env(), pair, 1, call.makeNumber(total.active));
  return pair;
}

// (n, x, y, z, window, eps, activeOnly, i, j, arrays, saved, factor, di or null, dj or null)
napi_value nccBackward(const Call& call) {
  const Extent e = extentOf(call);
  const NccShape s = nccShape(call, e);
  const std::size_t item = e.voxels(), size = e.n * item, arrays = call.count(9);
  const float *i = call.floats(7, size), *j = call.floats(8, size);
  float* saved = call.floats(10, arrays * size);
  const double factor = call.number(11);
  float *di = call.floatsOrNull(12, size), *dj = call.floatsOrNull(13, size);
  if (arrays < (di != nullptr ? 5u : 3u)) throw ArgumentError("the forward call did not save what this gradient needs");
  const std::unique_ptr<double[]> scratch = nccScratch(s);
  for (std::size_t k = 0; k < e.n; k++) {
    forRange(e.x, nccGrain(e, s.window), [&](std::size_t begin, std::size_t end, int part) {
      kernels().ncc->backward(s, i + k * item, j + k * item, savedItem(saved, arrays, size, k * item), factor,
                              di == nullptr ? nullptr : di + k * item, dj == nullptr ? nullptr : dj + k * item,
                              scratch.get() + static_cast<std::size_t>(part) * kernels().ncc->scratch(s), begin, end);
    });
  }
  return call.undefined();
}

}  // namespace

void registerRegistration(napi_env env, napi_value exports) {
  defineFunction<warpForward>(env, exports, "warpForward");
  defineFunction<warpBackward>(env, exports, "warpBackward");
  defineFunction<integrateForward>(env, exports, "integrateForward");
  defineFunction<integrateBackward>(env, exports, "integrateBackward");
  defineFunction<upsampleForward>(env, exports, "upsampleFieldForward");
  defineFunction<upsampleBackward>(env, exports, "upsampleFieldBackward");
  defineFunction<smoothnessForward>(env, exports, "smoothnessForward");
  defineFunction<smoothnessBackward>(env, exports, "smoothnessBackward");
  defineFunction<jacobianHingeForward>(env, exports, "jacobianHingeForward");
  defineFunction<jacobianHingeBackward>(env, exports, "jacobianHingeBackward");
  defineFunction<nccForward>(env, exports, "nccForward");
  defineFunction<nccBackward>(env, exports, "nccBackward");
}

}  // namespace neuroloom
