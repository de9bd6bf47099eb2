#include "conv3d_source.inl"
#include "conv3d_tile.inl"
#include "conv3d_narrow.inl"
#include "conv3d_filter.inl"
#include "conv3d_filter_pairs.inl"
#include "conv3d_upsampled.inl"

namespace neuroloom {
namespace NL_ISA {

static size_t packedFloats(size_t cin, size_t cout) {
  return usesNarrowTiles(cin, cout) ? 27 * cin * cout : 27 * cin * convPadded(cout, kLanes);
}

static void packFilter(const float* filter, size_t cin, size_t cout, bool transposed, float* packed) {
  const FilterView view = {filter, cin, cout, transposed};
  if (usesNarrowTiles(cin, cout)) {
    packNarrow(view, packed);
  } else {
    packWide(view, packed);
  }
}

static void convolve(const ConvPass& pass, float* ring, size_t begin, size_t end) {
  const ConvGrid& g = pass.grid;
  const size_t cin = pass.source.channels, cout = pass.channels;
  const bool narrow = usesNarrowTiles(cin, cout);
  const size_t rowOut = g.z * cout;
  RowRing rows(g, pass.source, ring);
  for (size_t i = begin; i < end; i++) {
    const Item item = itemAt(g, i);
    rows.moveTo(item);
    for (size_t y = item.firstRow; y < item.endRow; y++) {
      const float* sources[9];
      int taps[9], count = 0;
      for (int tap = 0; tap < 9; tap++) {
        const float* row = rows.row(item.x + tap / 3, y + tap % 3);
        if (row == nullptr) continue;
        sources[count] = row;
        taps[count++] = tap;
      }
      float* out = pass.result + ((item.n * g.x + item.x) * g.y + y) * rowOut;
      if (narrow) {
        narrowRow(pass, sources, taps, count, out);
      } else {
        wideRow(pass, sources, taps, count, out);
      }
    }
  }
}

static void packSkip(const float* filter, size_t cin, size_t cout, float* packed) {
  packWide({filter, cin, cout, false}, packed);
}

static const ConvKernels kConvKernels = {
    packedFloats,   packFilter, convolve,       filterScratchFloats, filterGradient,        channelSums,     packedUpFloats,
    packUp,         packSkip,   convolveUp,     gradientToLow,       upFilterScratchFloats, filterGradientUp};

}  // namespace NL_ISA
}  // namespace neuroloom
