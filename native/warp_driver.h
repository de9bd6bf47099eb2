// Warps of one item of a batch on all threads.
#pragma once
#include <cstddef>

#include "warp.h"

namespace neuroloom {

// out = warp(volume, displacement), plus addend where it is not null.
void warpItem(const WarpShape& s, const float* volume, const float* displacement, const float* addend, float* out);

// Gradients of warpItem. dVolume and b.dDisplacement may each be null; b.ring and b.slots are set here. With
// `ontoDisplacement` the gradient to the volume is added to b.dDisplacement in place, and dVolume must be that array:
// the derivative of u + warp(u, u) by u.
void warpItemBackward(const WarpShape& s, WarpBackward b, float* dVolume, bool ontoDisplacement);

}  // namespace neuroloom
