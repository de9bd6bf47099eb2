// Max pooling and upsampling with concatenation: see pooling.h for the arrays.
#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many elements.
constexpr std::size_t kGrain = 16384;

struct Extent {
  std::size_t n, x, y, z;
  std::size_t rows() const { return n * (x / 2) * (y / 2); }
  std::size_t voxels() const { return n * x * y * z; }
  std::size_t grain(std::size_t channels) const { return 1 + kGrain / (4 * z * channels + 1); }
};

Extent evenExtent(const Call& call) {
  const Extent e = {call.count(0), call.count(1), call.count(2), call.count(3)};
  if (e.x % 2 || e.y % 2 || e.z % 2 || e.voxels() == 0) throw ArgumentError("the sizes must be even and positive");
  return e;
}

// (n, x, y, z, c, input, output, argmax)
napi_value maxPoolForward(const Call& call) {
  const Extent e = evenExtent(call);
  const std::size_t c = call.count(4), fine = e.voxels() * c;
  const float* x = call.floats(5, fine);
  float* y = call.floats(6, fine / 8);
  std::uint8_t* argmax = call.bytes(7, fine / 8);
  const PoolShape s = {e.n, e.x, e.y, e.z, c};
  forRange(e.rows(), e.grain(c),
           [&](std::size_t a, std::size_t b, int) { kernels().pooling->maxPool(s, x, y, argmax, a, b); });
  return call.undefined();
}

// (n, x, y, z, c, dOutput, argmax, dInput)
napi_value maxPoolBackward(const Call& call) {
  const Extent e = evenExtent(call);
  const std::size_t c = call.count(4), fine = e.voxels() * c;
  const float* dy = call.floats(5, fine / 8);
  const std::uint8_t* argmax = call.bytes(6, fine / 8);
  float* dx = call.floats(7, fine);
  const PoolShape s = {e.n, e.x, e.y, e.z, c};
  forRange(e.rows(), e.grain(c),
           [&](std::size_t a, std::size_t b, int) { kernels().pooling->maxPoolBackward(s, dy, argmax, dx, a, b); });
  return call.undefined();
}

// (n, x, y, z, cLow, cSkip, low, skip or null, output)
napi_value upConcatForward(const Call& call) {
  const Extent e = evenExtent(call);
  const UpConcatShape s = {e.n, e.x, e.y, e.z, call.count(4), call.count(5)};
  const float* low = call.floats(6, e.voxels() / 8 * s.cLow);
  const float* skip = s.cSkip == 0 ? nullptr : call.floats(7, e.voxels() * s.cSkip);
  float* y = call.floats(8, e.voxels() * (s.cLow + s.cSkip));
  forRange(e.rows(), e.grain(s.cLow + s.cSkip),
           [&](std::size_t a, std::size_t b, int) { kernels().pooling->upConcat(s, low, skip, y, a, b); });
  return call.undefined();
}

// (n, x, y, z, cLow, cSkip, dOutput, dLow or null, dSkip or null)
napi_value upConcatBackward(const Call& call) {
  const Extent e = evenExtent(call);
  const UpConcatShape s = {e.n, e.x, e.y, e.z, call.count(4), call.count(5)};
  const float* dy = call.floats(6, e.voxels() * (s.cLow + s.cSkip));
  float* dLow = call.floatsOrNull(7, e.voxels() / 8 * s.cLow);
  float* dSkip = call.floatsOrNull(8, e.voxels() * s.cSkip);
  forRange(e.rows(), e.grain(s.cLow + s.cSkip),
           [&](std::size_t a, std::size_t b, int) { kernels().pooling->upConcatBackward(s, dy, dLow, dSkip, a, b); });
  return call.undefined();
}

}  // namespace

void registerPooling(napi_env env, napi_value exports) {
  defineFunction<maxPoolForward>(env, exports, "maxPoolForward");
  defineFunction<maxPoolBackward>(env, exports, "maxPoolBackward");
  defineFunction<upConcatForward>(env, exports, "upConcatForward");
  defineFunction<upConcatBackward>(env, exports, "upConcatBackward");
}

}  // namespace neuroloom
