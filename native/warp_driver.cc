#include "warp_driver.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "dispatch/kernels.h"
#include "pool.h"

namespace neuroloom {
namespace {

// A thread is worth waking for this many voxels.
constexpr std::size_t kGrain = 4096;

// Planes of lower corners that the samples of one plane have along x.
struct Reach {
  int low, high;
};

std::vector<Reach> reachOfPlanes(const WarpShape& s, const float* displacement) {
  std::vector<Reach> reach(s.x);
  const float most = s.x > 1 ? static_cast<float>(s.x - 2) : 0.0f;
  forRange(s.x, 1 + 4 * kGrain / (s.y * s.z), [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t x = begin; x < end; x++) {
      float smallest = 0, largest = 0;
      kernels().warp->reach(s, displacement, x, &smallest, &largest);
      // fmin and fmax prefer the number to a NaN, which an infinite displacement could leave.
      const float low = std::fmin(std::fmax(static_cast<float>(x) + std::floor(smallest), 0.0f), most);
      const float high = std::fmin(std::fmax(static_cast<float>(x) + std::floor(largest), 0.0f), most);
      reach[x] = {static_cast<int>(std::fmin(low, high)), static_cast<int>(std::fmax(low, high))};
    }
  });
  return reach;
}

// The samples [begin, end) that one thread scatters, and the planes [first, last] that they reach.
struct Part {
  std::size_t begin, end;
  int first, last;
  std::vector<int> foldBelow;  // after sample plane begin + i, planes below this one are complete
  std::size_t ringPlanes;
  std::unique_ptr<float[]> slab;  // private sums of planes [first, last]; null where there is one part only
};

Part makePart(const std::vector<Reach>& reach, std::size_t begin, std::size_t end, bool ontoDisplacement) {
  const int planes = static_cast<int>(reach.size());
  Part part = {begin, end, planes, 0, std::vector<int>(end - begin), 2, nullptr};
  int later = planes;
  for (std::size_t x = end; x-- > begin;) {
    // Onto the displacement: its own gradient of a plane must be there before the plane is folded onto it.
    const int done = static_cast<int>(x) + 1;
    part.foldBelow[x - begin] = ontoDisplacement && x + 1 < end ? std::min(later, done) : later;
    later = std::min(later, reach[x].low);
    part.first = std::min(part.first, reach[x].low);
    part.last = std::max(part.last, std::min(reach[x].high + 1, planes - 1));
  }
  int open = part.first, top = part.first;
  for (std::size_t x = begin; x < end; x++) {
    top = std::max(top, reach[x].high + 1);
    part.ringPlanes = std::max(part.ringPlanes, static_cast<std::size_t>(std::max(0, top - open + 1)));
    open = std::max(open, part.foldBelow[x - begin]);
  }
  return part;
}

// Cuts the samples into one part per thread; into fewer where large displacements would make the private sums of the
// parts larger than a few volumes.
std::vector<Part> makeParts(const std::vector<Reach>& reach, std::size_t grain, bool ontoDisplacement) {
  const std::size_t planes = reach.size();
  for (int count = partsFor(planes, grain);; count = (count + 1) / 2) {
    std::vector<Part> parts;
    std::size_t held = 0;
    for (int k = 0; k < count; k++) {
      parts.push_back(makePart(reach, partStart(planes, count, k), partStart(planes, count, k + 1), count == 1 && ontoDisplacement));
      held += parts.back().last - parts.back().first + 1 + 4 * parts.back().ringPlanes;
    }
    if (count == 1 || held <= 6 * planes + 32 * static_cast<std::size_t>(count)) return parts;
  }
}

void scatterPart(const WarpShape& s, WarpBackward b, const std::vector<Reach>& reach, const Part& part, float* to,
                 const float* base) {
  const WarpKernels& warp = *kernels().warp;
  const std::size_t ringPlane = warp.ringPlane(s), plane = s.y * s.z * s.c;
  std::unique_ptr<float[]> ring(new float[part.ringPlanes * ringPlane]);
  std::memset(ring.get(), 0, part.ringPlanes * ringPlane * sizeof(float));
  std::vector<std::size_t> slots(s.x + 1);
  for (std::size_t p = 0; p <= s.x; p++) slots[p] = p % part.ringPlanes * ringPlane;
  b.ring = ring.get();
  b.slots = slots.data();
  int next = part.first;
  for (std::size_t x = part.begin; x < part.end; x++) {
    warp.backward(s, b, x, reach[x].low, reach[x].high);
    for (; next <= part.last && next < part.foldBelow[x - part.begin]; next++) {
      warp.fold(s, ring.get() + slots[next], base == nullptr ? nullptr : base + next * plane,
                to + static_cast<std::size_t>(next - part.first) * plane);
    }
  }
}

}  // namespace

void warpItem(const WarpShape& s, const float* volume, const float* displacement, const float* addend, float* out) {
  forRange(s.x * s.y, 1 + kGrain / s.z, [&](std::size_t begin, std::size_t end, int) {
    kernels().warp->forward(s, volume, displacement, addend, out, begin, end);
  });
}

void warpItemBackward(const WarpShape& s, WarpBackward b, float* dVolume, bool ontoDisplacement) {
  const std::size_t grain = 1 + kGrain / (s.y * s.z), plane = s.y * s.z * s.c;
  b.ring = nullptr;
  b.slots = nullptr;
  if (dVolume == nullptr) {
    forRange(s.x, grain, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t x = begin; x < end; x++) kernels().warp->backward(s, b, x, 0, static_cast<int>(s.x));
    });
    return;
  }
  const std::vector<Reach> reach = reachOfPlanes(s, b.displacement);
  std::vector<Part> parts = makeParts(reach, grain, ontoDisplacement);
  const float* base = ontoDisplacement ? b.dDisplacement : nullptr;
  if (parts.size() == 1) {
    const Part& part = parts[0];
    const std::size_t before = part.first * plane, after = (part.last + 1) * plane;
    scatterPart(s, b, reach, part, dVolume + before, base == nullptr ? nullptr : base);
    if (base == nullptr) {
      std::memset(dVolume, 0, before * sizeof(float));
      std::memset(dVolume + after, 0, (s.x * plane - after) * sizeof(float));
    }
    return;
  }
  for (Part& part : parts) part.slab.reset(new float[static_cast<std::size_t>(part.last - part.first + 1) * plane]);
  forParts(static_cast<int>(parts.size()), [&](int k) {
    scatterPart(s, b, reach, parts[k], parts[k].slab.get(), nullptr);
  });
  // Each plane: the sums of the parts, always in their order.
  forRange(s.x, grain, [&](std::size_t begin, std::size_t end, int) {
    const ElementwiseKernels& elementwise = *kernels().elementwise;
    for (std::size_t x = begin; x < end; x++) {
      float* to = dVolume + x * plane;
      bool started = base != nullptr;
      for (const Part& part : parts) {
        if (static_cast<int>(x) < part.first || static_cast<int>(x) > part.last) continue;
        const float* from = part.slab.get() + (x - part.first) * plane;
        if (started) {
          elementwise.binary(Binary::kAdd, to, from, to, plane);
        } else {
          std::memcpy(to, from, plane * sizeof(float));
          started = true;
        }
      }
      if (!started) std::memset(to, 0, plane * sizeof(float));
    }
  });
}

}  // namespace neuroloom
