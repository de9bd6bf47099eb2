// Trilinear pull of a volume along a displacement, and its two gradients. Channels last, z before y before x.
//
// A sample at p = voxel + displacement reads the eight voxels around p; along each axis that is the pair (base,
// base + 1) with one weight each, base clamped so that the pair lies in the grid. "zeros": a voxel outside the grid
// counts as 0 (its weight moves to no other voxel). "border": p is clamped to the grid first, and its derivative is 0
// where p <= 0 or p >= size - 1.
//
// The gradient to the volume adds to the eight voxels of each sample. It is summed in a ring of planes that holds only
// the planes still open: plane p is folded into the result once no later sample can reach it. A plane of the ring keeps
// the contributions to neighbours apart (per base voxel), so that every addition is one aligned vector and neighbours
// in a row never wait for each other's stores.
#pragma once
#include <stddef.h>

namespace neuroloom {

// One item of a batch.
struct WarpShape {
  size_t x, y, z, c;
  bool border;
};

struct WarpBackward {
  const float* volume;        // may be null where dDisplacement is
  const float* displacement;  // (x, y, z, 3)
  const float* dout;
  float* dDisplacement;  // or null
  bool addDout;          // dDisplacement = dout + gradient: for u + warp(u, u), where c is 3
  float* ring;           // or null: no gradient to the volume
  const size_t* slots;   // [x + 1]: offset in the ring of each plane of the grid that is open
};

struct WarpKernels {
  // Rows [begin, end), row = x * Y + y. out = sample, or addend + sample where addend is not null.
  void (*forward)(const WarpShape& s, const float* volume, const float* displacement, const float* addend, float* out,
                  size_t begin, size_t end);
  // Smallest and largest displacement along x in one plane; +inf and -inf where all are NaN.
  void (*reach)(const WarpShape& s, const float* displacement, size_t plane, float* smallest, float* largest);
  // The samples of one plane. Their bases along x lie in [low, high] (NaN is taken to low).
  void (*backward)(const WarpShape& s, const WarpBackward& b, size_t plane, int low, int high);
  // Floats of one plane of the ring.
  size_t (*ringPlane)(const WarpShape& s);
  // out = base + the sums of a ring plane (base null: the sums alone); the ring plane is left zero.
  void (*fold)(const WarpShape& s, float* ringPlane, const float* base, float* out);
};

}  // namespace neuroloom
