// Max pooling 2x2x2 and nearest-neighbour upsampling with concatenation, channels last.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace neuroloom {

// Sizes of the fine grid, all even; the coarse grid has half of each.
struct PoolShape {
  size_t n, x, y, z, c;
};

struct UpConcatShape {
  size_t n, x, y, z;  // fine grid, all even
  size_t cLow, cSkip;
};

// Each function works on the rows [begin, end) of the coarse grid: row = (n * X/2 + x) * Y/2 + y.
struct PoolingKernels {
  // argmax: which of the eight voxels (x, then y, then z) held the first largest value; NaN counts as largest.
  void (*maxPool)(const PoolShape& s, const float* x, float* y, uint8_t* argmax, size_t begin, size_t end);
  void (*maxPoolBackward)(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx, size_t begin, size_t end);
  // skip is null where cSkip is 0.
  void (*upConcat)(const UpConcatShape& s, const float* low, const float* skip, float* y, size_t begin, size_t end);
  // dLow and dSkip may each be null.
  void (*upConcatBackward)(const UpConcatShape& s, const float* dy, float* dLow, float* dSkip, size_t begin, size_t end);
};

}  // namespace neuroloom
