// 3x3x3 'same' convolution, channels last: kernels that work on part of a tensor, called by register_convolution.cc.
// Axes x, y, z with z fastest; a "row" is all z and channels of one (n, x, y). Work is cut into items: item i is the
// band of `band` rows in y at one x, in the order (n, band, x) with x fastest, so that the three planes a band needs
// stay in the cache from one item to the next.
#pragma once
#include <stddef.h>

namespace neuroloom {

constexpr size_t kMostBand = 16;

struct ConvGrid {
  size_t n, x, y, z;
  size_t band;  // rows per item, 1 to kMostBand
};

inline size_t convBands(const ConvGrid& g) { return (g.y + g.band - 1) / g.band; }
inline size_t convItems(const ConvGrid& g) { return g.n * convBands(g) * g.x; }

// A tensor to read, times the gradient of a leaky ReLU: where gate is not null and gate <= 0, the value counts
// `slope` times. Such values are made row by row in a ring of three planes of one band, ringFloats() large.
struct ConvSource {
  const float* values;
  const float* gate;
  float slope;
  size_t channels;
};

inline size_t convRingFloats(const ConvGrid& g, size_t channels) { return 3 * (g.band + 2) * g.z * channels; }

struct ConvPass {
  ConvGrid grid;
  ConvSource source;
  const float* packed;  // from packFilter
  const float* bias;    // one per result channel, or null
  float slope;          // leaky ReLU of the result; 1 leaves it linear
  float* result;
  size_t channels;  // of the result
};

// The gradient of the filter is a sum over all voxels of outer products: `center` channels lie along the vector,
// `neighbour` channels are broadcast from the 27 voxels around.
struct ConvFilterPass {
  ConvGrid grid;
  ConvSource center, neighbour;
};

// Convolution of a coarse tensor, doubled by nearest neighbour, joined with a fine one: channels of `low` first.
struct UpConvPass {
  ConvGrid grid;  // fine, sizes even
  const float *low, *skip;
  size_t cLow, cSkip;
  const float *packedLow, *packedSkip;  // from packUp of the merged filter and from packSkip
  const float* bias;
  float slope;
  float* result;
  size_t channels;  // of the result
};

// Its gradient to the coarse tensor.
struct LowGradientPass {
  ConvGrid coarse;
  ConvSource source;    // fine
  const float* packed;  // from packUp, transposed
  float* result;
  size_t channels;  // of the result
};

inline size_t fineRingFloats(const ConvGrid& coarse, size_t channels) {
  return 4 * (2 * coarse.band + 2) * 2 * coarse.z * channels;
}

// Its gradient to the merged filter.
struct UpFilterPass {
  ConvGrid grid;  // fine
  ConvSource center;
  const float* low;
  size_t cLow;
};

inline size_t convPadded(size_t channels, size_t lanes) { return (channels + lanes - 1) / lanes * lanes; }

struct ConvKernels {
  // Floats that packFilter writes for a pass from cin to cout channels.
  size_t (*packedFloats)(size_t cin, size_t cout);
  // filter [27][cin][cout], or with `transposed` the filter [27][cout][cin] of the forward pass, flipped.
  void (*packFilter)(const float* filter, size_t cin, size_t cout, bool transposed, float* packed);
  // Computes the items [begin, end). ring: convRingFloats of the source when it is gated, else unused.
  void (*convolve)(const ConvPass& pass, float* ring, size_t begin, size_t end);
  // Scratch floats of one part of filterGradient.
  size_t (*filterScratchFloats)(const ConvFilterPass& pass);
  // Adds the items [begin, end) to sums [27][neighbour channels][center channels padded to lanes], where tap
  // (a, b, c) is the neighbour at offset (a-1, b-1, c-1), and the sums of the center channels to centerSums [padded],
  // unless that is null.
  void (*filterGradient)(const ConvFilterPass& pass, float* scratch, double* sums, double* centerSums, size_t begin,
                         size_t end);
  // Adds the gated source, summed over the voxels of the items [begin, end), to sums [channels].
  void (*channelSums)(const ConvGrid& grid, const ConvSource& source, double* sums, size_t begin, size_t end);

  // Merged filters have four offsets per axis: [4][4][4][cLow][cout]. Floats that packUp writes for a pass from `rows`
  // to `columns` channels.
  size_t (*packedUpFloats)(size_t rows, size_t columns);
  // `transposed`: the filter is given as [4][4][4][columns][rows].
  void (*packUp)(const float* merged, size_t rows, size_t columns, bool transposed, float* packed);
  // filter [27][cin][cout] to 27 * cin * (cout padded to lanes) floats.
  void (*packSkip)(const float* filter, size_t cin, size_t cout, float* packed);
  // Computes the items [begin, end) of the fine grid.
  void (*convolveUp)(const UpConvPass& pass, size_t begin, size_t end);
  // Computes the items [begin, end) of the coarse grid. ring: fineRingFloats when the source is gated, else unused.
  void (*gradientToLow)(const LowGradientPass& pass, float* ring, size_t begin, size_t end);
  size_t (*upFilterScratchFloats)(const UpFilterPass& pass);
  // Adds the items [begin, end) of the fine grid to sums [4][4][4][cLow][center channels padded to lanes].
  void (*filterGradientUp)(const UpFilterPass& pass, float* scratch, double* sums, size_t begin, size_t end);
};

}  // namespace neuroloom
