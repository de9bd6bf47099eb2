// Rows of the tensor that a convolution reads: the tensor itself, or gated copies in a ring of three planes.
namespace neuroloom {
namespace NL_ISA {

struct Item {
  size_t n, x, firstRow, endRow;
};

NL_INLINE Item itemAt(const ConvGrid& g, size_t index) {
  const size_t bands = convBands(g), line = index / g.x, first = line % bands * g.band;
  return {line / bands, index % g.x, first, first + g.band < g.y ? first + g.band : g.y};
}

// out = values, times slope where gate <= 0 or NaN: the gradient of y = leakyRelu(v) by the sign of y.
static void applyGate(const float* values, const float* gate, float slope, size_t count, float* out) {
  size_t i = 0;
  const Vec steep = broadcast(slope);
  for (; i + kLanes <= count; i += kLanes) {
    const Vec v = load(values + i);
    store(out + i, select(load(gate + i) > (Vec){}, v, v * steep));
  }
  for (; i < count; i++) out[i] = gate[i] > 0 ? values[i] : values[i] * slope;
}

class RowRing {
 public:
  RowRing(const ConvGrid& grid, const ConvSource& source, float* ring)
      : grid_(grid), source_(source), ring_(ring), rowFloats_(grid.z * source.channels) {}

  // Makes the rows around `item` available.
  NL_MEMBER void moveTo(const Item& item) {
    const bool next = started_ && item.n == item_.n && item.firstRow == item_.firstRow && item.x == item_.x + 1;
    item_ = item;
    started_ = true;
    if (source_.gate == nullptr) return;
    const size_t last = item.x + 2 < grid_.x ? item.x + 2 : grid_.x;
    for (size_t x = next ? item.x + 1 : (item.x > 0 ? item.x - 1 : 0); x < last; x++) fill(x);
  }

  // The row at (x - 1, y - 1), both counted from 1 so that 0 is outside; null outside the volume.
  NL_MEMBER const float* row(size_t x1, size_t y1) const {
    if (x1 == 0 || x1 > grid_.x || y1 == 0 || y1 > grid_.y) return nullptr;
    const size_t x = x1 - 1, y = y1 - 1;
    if (source_.gate == nullptr) return source_.values + tensorRow(x, y);
    return ring_ + (x % 3 * (grid_.band + 2) + (y1 - item_.firstRow)) * rowFloats_;
  }

 private:
  NL_MEMBER size_t tensorRow(size_t x, size_t y) const {
    return ((item_.n * grid_.x + x) * grid_.y + y) * rowFloats_;
  }

  // Rows firstRow - 1 to endRow of plane x lie one behind the other in the tensor and in the ring.
  NL_MEMBER void fill(size_t x) {
    const size_t from = item_.firstRow > 0 ? item_.firstRow - 1 : 0;
    const size_t to = item_.endRow < grid_.y ? item_.endRow + 1 : grid_.y;
    const size_t at = tensorRow(x, from);
    float* out = ring_ + (x % 3 * (grid_.band + 2) + (from + 1 - item_.firstRow)) * rowFloats_;
    applyGate(source_.values + at, source_.gate + at, source_.slope, (to - from) * rowFloats_, out);
  }

  const ConvGrid& grid_;
  const ConvSource& source_;
  float* ring_;
  size_t rowFloats_;
  Item item_ = {0, 0, 0, 0};
  bool started_ = false;
};

// Reads filters [27][cin][cout] as they are, or the filter of the forward pass as its input gradient needs it.
struct FilterView {
  const float* filter;
  size_t cin, cout;
  bool transposed;

  // The first of the weights of (tap, in, out = 0, 1, ...), which lie stride() apart.
  NL_MEMBER const float* weights(size_t tap, size_t in) const {
    return transposed ? filter + (26 - tap) * cin * cout + in : filter + (tap * cin + in) * cout;
  }
  NL_MEMBER size_t stride() const { return transposed ? cin : 1; }
};

}  // namespace NL_ISA
}  // namespace neuroloom
