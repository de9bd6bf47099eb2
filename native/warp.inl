namespace neuroloom {
namespace NL_ISA {

// Weights of the pair (base, base + 1) along one axis and their derivatives by the coordinate.
struct AxisPair {
  Vec a, b, da, db;
  IntVec base;
};

NL_INLINE AxisPair axisPair(Vec position, Vec u, size_t size, bool border) {
  const Vec zero = {}, one = broadcast(1.0f);
  const Vec last = broadcast((float)(size - 1)), most = broadcast(size > 1 ? (float)(size - 2) : 0.0f);
  const float next = size > 1 ? 1.0f : 0.0f;  // an axis of one voxel has no second of a pair
  // Floor of the displacement, not of the coordinate, and no 1 - f: the fraction and its complement both keep all bits
  // of a small displacement, on either side of 0.
  const Vec whole = floorOf(u), f = u - whole, g = (whole + one) - u, corner = position + whole;
  Vec base = corner > zero ? corner : zero;  // NaN becomes 0 here and stays NaN in f
  base = base > most ? most : base;
  const Vec gone = f * 0.0f;  // 0, or NaN where the displacement is not finite
  AxisPair p;
  if (border) {
    const IntVec low = corner < zero, high = corner >= last;
    const Vec w = (low ? zero : high ? one : f) * next + gone;
    const IntVec clamped = low | high | ((corner == zero) & (f == zero));
    p.b = w;
    p.a = low ? one : high ? one - w : g;
    p.db = clamped ? zero : one;
    p.da = -p.db;
  } else {
    const Vec shift = corner - base;
    const IntVec inside = shift == zero, below = shift == -one, above = shift == one;
    p.a = inside ? g : below ? f : gone;
    p.b = (inside ? f : above ? g : gone) * next;
    p.da = inside ? -one : below ? one : zero;
    p.db = (inside ? one : above ? -one : zero) * next;
  }
  p.base = __builtin_convertvector(base, IntVec);
  return p;
}

// Where a vector of samples along z reads: pairs along the three axes and the index of the lower corner.
struct Samples {
  AxisPair x, y, z;
  IntVec inPlane;  // y * Z + z of the lower corner
};

NL_INLINE Samples samplesAt(const WarpShape& s, const float* displacement, size_t row, size_t z, int count) {
  static const float kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Vec ux, uy, uz;
  loadComponents(displacement + (row * s.z + z) * 3, count, &ux, &uy, &uz);
  Samples at;
  at.x = axisPair(broadcast((float)(row / s.y)), ux, s.x, s.border);
  at.y = axisPair(broadcast((float)(row % s.y)), uy, s.y, s.border);
  at.z = axisPair(load(kIota) + (float)z, uz, s.z, s.border);
  at.inPlane = at.y.base * (int)s.z + at.z.base;
  return at;
}

// Steps to the second voxel of a pair along x, y, z, in voxels.
struct Steps {
  size_t x, y, z;
};

NL_INLINE Steps stepsOf(const WarpShape& s) {
  return {s.x > 1 ? s.y * s.z : 0, s.y > 1 ? s.z : 0, s.z > 1 ? (size_t)1 : 0};
}

typedef double PairOfFloats __attribute__((aligned(4), may_alias));

// v[index] and v[index + 1] of every lane, by one 64 bit load each: faster here than gather instructions.
NL_INLINE void loadPairs(const float* v, const int* index, Vec* first, Vec* second) {
#define NL_PAIR(l, K) *(const PairOfFloats*)(v + index[(l) + (K)])
  const WideVec low = {NL_HALF_LIST(NL_PAIR, 0)}, high = {NL_HALF_LIST(NL_PAIR, NL_LANES / 2)};
#undef NL_PAIR
  *first = NL_SHUFFLE((Vec)low, (Vec)high, NL_STRIDE_TWO, 0);
  *second = NL_SHUFFLE((Vec)low, (Vec)high, NL_STRIDE_TWO, 1);
}

NL_INLINE void storeInts(int* p, IntVec v) { __builtin_memcpy(p, &v, sizeof v); }

NL_INLINE int lanesLeft(size_t z, size_t size) { return size - z < (size_t)kLanes ? (int)(size - z) : kLanes; }

// ---- one channel -------------------------------------------------------------------------------------------------

static void forwardOne(const WarpShape& s, const float* volume, const float* displacement, const float* addend,
                       float* out, size_t begin, size_t end) {
  const Steps step = stepsOf(s);
  const int plane = (int)(s.y * s.z);
  for (size_t row = begin; row < end; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      const Samples at = samplesAt(s, displacement, row, z, count);
      int index[NL_LANES];
      storeInts(index, at.x.base * plane + at.inPlane);
      Vec first, second;
      loadPairs(volume, index, &first, &second);
      const Vec t00 = at.z.a * first + at.z.b * second;
      loadPairs(volume + step.y, index, &first, &second);
      const Vec t01 = at.z.a * first + at.z.b * second;
      loadPairs(volume + step.x, index, &first, &second);
      const Vec t10 = at.z.a * first + at.z.b * second;
      loadPairs(volume + step.x + step.y, index, &first, &second);
      const Vec t11 = at.z.a * first + at.z.b * second;
      Vec value = at.x.a * (at.y.a * t00 + at.y.b * t01) + at.x.b * (at.y.a * t10 + at.y.b * t11);
      float* to = out + row * s.z + z;
      if (count == kLanes) {
        store(to, addend == nullptr ? value : value + load(addend + row * s.z + z));
      } else {
        storePart(to, addend == nullptr ? value : value + loadPart(addend + row * s.z + z, count), count);
      }
    }
  }
}

// Within each group of four lanes: low or high halves of two vectors interleaved by one or by two elements.
#define NL_UNPACK(l, K) (((l) & ~3) + ((l) & 3) / 2 + (K) + ((l) & 1 ? NL_LANES : 0))
#define NL_UNPACK_TWO(l, K) (((l) & ~3) + ((l) & 1) + (K) + ((l) & 2 ? NL_LANES : 0))

// Adds to the ring the four products (y, z) of every lane, times the two weights along x. A base voxel of the ring has
// four floats: (y, z), (y, z + 1), (y + 1, z), (y + 1, z + 1).
NL_INLINE void scatterOne(const WarpBackward& b, const Samples& at, Vec gradient, int low, int high, int count) {
  const Vec ga = gradient * at.y.a, gb = gradient * at.y.b;
  const Vec q0 = ga * at.z.a, q1 = ga * at.z.b, q2 = gb * at.z.a, q3 = gb * at.z.b;
  const Vec lo01 = NL_SHUFFLE(q0, q1, NL_UNPACK, 0), hi01 = NL_SHUFFLE(q0, q1, NL_UNPACK, 2);
  const Vec lo23 = NL_SHUFFLE(q2, q3, NL_UNPACK, 0), hi23 = NL_SHUFFLE(q2, q3, NL_UNPACK, 2);
  // Lane group k of vector j holds the four products of lane 4k + j.
  float products[4 * NL_LANES];
  store(products, NL_SHUFFLE(lo01, lo23, NL_UNPACK_TWO, 0));
  store(products + kLanes, NL_SHUFFLE(lo01, lo23, NL_UNPACK_TWO, 2));
  store(products + 2 * kLanes, NL_SHUFFLE(hi01, hi23, NL_UNPACK_TWO, 0));
  store(products + 3 * kLanes, NL_SHUFFLE(hi01, hi23, NL_UNPACK_TWO, 2));
  float xa[NL_LANES], xb[NL_LANES];
  int planes[NL_LANES], inPlane[NL_LANES];
  store(xa, at.x.a);
  store(xb, at.x.b);
  const IntVec lowest = low - (IntVec){}, highest = high - (IntVec){};
  IntVec base = at.x.base < lowest ? lowest : at.x.base;
  base = base > highest ? highest : base;
  storeInts(planes, base);
  storeInts(inPlane, at.inPlane * 4);
  for (int l = 0; l < count; l++) {
    const Quad product = loadQuad(products + (l & 3) * kLanes + (l & ~3));
    float* near = b.ring + b.slots[planes[l]] + inPlane[l];
    float* far = b.ring + b.slots[planes[l] + 1] + inPlane[l];
    storeQuad(near, loadQuad(near) + product * xa[l]);
    storeQuad(far, loadQuad(far) + product * xb[l]);
  }
}

static void backwardOne(const WarpShape& s, const WarpBackward& b, size_t x, int low, int high) {
  const Steps step = stepsOf(s);
  const int plane = (int)(s.y * s.z);
  for (size_t row = x * s.y; row < (x + 1) * s.y; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      const Samples at = samplesAt(s, b.displacement, row, z, count);
      const float* from = b.dout + row * s.z + z;
      const Vec gradient = count == kLanes ? load(from) : loadPart(from, count);
      if (b.dDisplacement != nullptr) {
        int index[NL_LANES];
        storeInts(index, at.x.base * plane + at.inPlane);
        Vec first, second;
        loadPairs(b.volume, index, &first, &second);
        const Vec t00 = at.z.a * first + at.z.b * second, d00 = at.z.da * first + at.z.db * second;
        loadPairs(b.volume + step.y, index, &first, &second);
        const Vec t01 = at.z.a * first + at.z.b * second, d01 = at.z.da * first + at.z.db * second;
        loadPairs(b.volume + step.x, index, &first, &second);
        const Vec t10 = at.z.a * first + at.z.b * second, d10 = at.z.da * first + at.z.db * second;
        loadPairs(b.volume + step.x + step.y, index, &first, &second);
        const Vec t11 = at.z.a * first + at.z.b * second, d11 = at.z.da * first + at.z.db * second;
        const Vec byX = at.x.da * (at.y.a * t00 + at.y.b * t01) + at.x.db * (at.y.a * t10 + at.y.b * t11);
        const Vec byY = at.x.a * (at.y.da * t00 + at.y.db * t01) + at.x.b * (at.y.da * t10 + at.y.db * t11);
        const Vec byZ = at.x.a * (at.y.a * d00 + at.y.b * d01) + at.x.b * (at.y.a * d10 + at.y.b * d11);
        storeComponents(b.dDisplacement + (row * s.z + z) * 3, count, byX * gradient, byY * gradient, byZ * gradient);
      }
      if (b.ring != nullptr) scatterOne(b, at, gradient, low, high, count);
    }
  }
}

// Spare base voxels before and after a plane of the ring: the first is read as the left neighbour of voxel 0, the
// others by the last vectors of the last row. They stay zero.
constexpr size_t kRingBefore = 1, kRingAfter = 2 * NL_LANES;

NL_INLINE void evenPairs(const float* p, Vec* first, Vec* second) {
#define NL_PAIR(l, K) ((l) % 2 + 4 * ((l) / 2) + (K))
  const Vec low = NL_SHUFFLE(load(p), load(p + kLanes), NL_PAIR, 0);
  const Vec high = NL_SHUFFLE(load(p + 2 * kLanes), load(p + 3 * kLanes), NL_PAIR, 0);
#undef NL_PAIR
  *first = NL_SHUFFLE(low, high, NL_STRIDE_TWO, 0);
  *second = NL_SHUFFLE(low, high, NL_STRIDE_TWO, 1);
}

// Sum of the four contributions to each voxel of a row: from its own base, the one to the left (z - 1), the row before
// (y - 1; null for the first row) and its left one. The last base of a row, and the last row, never receive anything.
NL_INLINE Vec foldGroup(const float* own, const float* before) {
  Vec same, left, unused;
  evenPairs(own, &same, &unused);
  evenPairs(own - 4, &unused, &left);
  Vec sum = same + left;
  if (before != nullptr) {
    evenPairs(before + 2, &same, &unused);
    evenPairs(before - 2, &unused, &left);
    sum += same + left;
  }
  return sum;
}

static void foldOne(const WarpShape& s, float* ringPlane, const float* base, float* out) {
  for (size_t y = 0; y < s.y; y++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const float* own = ringPlane + (kRingBefore + y * s.z + z) * 4;
      const Vec sum = foldGroup(own, y > 0 ? own - s.z * 4 : nullptr);
      const size_t at = y * s.z + z;
      const int count = lanesLeft(z, s.z);
      if (count == kLanes) {
        store(out + at, base == nullptr ? sum : sum + load(base + at));
      } else {
        storePart(out + at, base == nullptr ? sum : sum + loadPart(base + at, count), count);
      }
    }
  }
  __builtin_memset(ringPlane, 0, (kRingBefore + s.y * s.z + kRingAfter) * 4 * sizeof(float));
}

// ---- three channels ----------------------------------------------------------------------------------------------

// Six floats at p: the first voxel of a pair in lanes 0-2, the second in lanes 5-7.
NL_INLINE Oct loadPair(const float* p) {
  return joinQuads(loadQuad(p), loadQuad(p + 2));
}

// Products of the weights along x and y, kept per lane for the loop over voxels.
NL_INLINE void storeProducts(float (*to)[NL_LANES], Vec xa, Vec xb, Vec ya, Vec yb) {
  store(to[0], xa * ya);
  store(to[1], xa * yb);
  store(to[2], xb * ya);
  store(to[3], xb * yb);
}

NL_INLINE Oct combine(const float (*weights)[NL_LANES], int l, Oct r00, Oct r01, Oct r10, Oct r11) {
  return (broadcastOct(weights[0][l]) * r00 + broadcastOct(weights[1][l]) * r01) +
         (broadcastOct(weights[2][l]) * r10 + broadcastOct(weights[3][l]) * r11);
}

NL_INLINE Oct halves(float low, float high) {
  return joinQuads(low - (Quad){}, high - (Quad){});
}

// Writes 3 * count floats from a padded buffer, plus `addend` where it is given.
NL_INLINE void storeRow(float* to, const float* buffer, const float* addend, int count) {
  if (count == kLanes) {
    for (int k = 0; k < 3; k++) {
      const Vec value = load(buffer + k * kLanes);
      store(to + k * kLanes, addend == nullptr ? value : value + load(addend + k * kLanes));
    }
    return;
  }
  for (int i = 0; i < 3 * count; i++) to[i] = addend == nullptr ? buffer[i] : buffer[i] + addend[i];
}

static void forwardThree(const WarpShape& s, const float* volume, const float* displacement, const float* addend,
                         float* out, size_t begin, size_t end) {
  const Steps step = stepsOf(s);
  const int plane = (int)(s.y * s.z);
  for (size_t row = begin; row < end; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      const Samples at = samplesAt(s, displacement, row, z, count);
      int index[NL_LANES];
      float weights[4][NL_LANES], za[NL_LANES], zb[NL_LANES], buffer[3 * NL_LANES + 4];
      storeInts(index, at.x.base * plane + at.inPlane);
      storeProducts(weights, at.x.a, at.x.b, at.y.a, at.y.b);
      store(za, at.z.a);
      store(zb, at.z.b);
      for (int l = 0; l < count; l++) {
        const float* v = volume + (size_t)index[l] * 3;
        const Oct m = combine(weights, l, loadPair(v), loadPair(v + step.y * 3), loadPair(v + step.x * 3),
                              loadPair(v + (step.x + step.y) * 3));
        const Quad first = lowQuad(m), high = highQuad(m), second = NL_QUAD(high, high, 1, 2, 3, 3);
        storeQuad(buffer + 3 * l, first * za[l] + second * zb[l]);
      }
      const size_t to = (row * s.z + z) * 3;
      storeRow(out + to, buffer, addend == nullptr ? nullptr : addend + to, count);
    }
  }
}

// Sums of the eight lanes of three vectors.
NL_INLINE Quad sumOfThree(Oct x, Oct y, Oct z) {
  const Oct zero = {};
  const Oct xy = NL_OCT(x, y, 0, 8, 1, 9, 4, 12, 5, 13) + NL_OCT(x, y, 2, 10, 3, 11, 6, 14, 7, 15);
  const Oct zo = NL_OCT(z, zero, 0, 8, 1, 9, 4, 12, 5, 13) + NL_OCT(z, zero, 2, 10, 3, 11, 6, 14, 7, 15);
  const Oct all = NL_OCT(xy, zo, 0, 1, 8, 9, 4, 5, 12, 13) + NL_OCT(xy, zo, 2, 3, 10, 11, 6, 7, 14, 15);
  return lowQuad(all) + highQuad(all);
}

// A base voxel of the ring has eight floats: the three channels of voxel z, a spare one, a spare one, those of z + 1.
static void backwardThree(const WarpShape& s, const WarpBackward& b, size_t x, int low, int high) {
  const Steps step = stepsOf(s);
  const int plane = (int)(s.y * s.z);
  const size_t nextRow = step.y * 8;
  const IntVec lowest = low - (IntVec){}, highest = high - (IntVec){};
  for (size_t row = x * s.y; row < (x + 1) * s.y; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      const Samples at = samplesAt(s, b.displacement, row, z, count);
      const size_t from = (row * s.z + z) * 3;
      int index[NL_LANES], planes[NL_LANES], inPlane[NL_LANES];
      float w[4][NL_LANES], wx[4][NL_LANES], wy[4][NL_LANES];
      float za[NL_LANES], zb[NL_LANES], zda[NL_LANES], zdb[NL_LANES];
      float gradient[3 * NL_LANES + 4], buffer[3 * NL_LANES + 4];
      storeInts(index, at.x.base * plane + at.inPlane);
      IntVec base = at.x.base < lowest ? lowest : at.x.base;
      base = base > highest ? highest : base;
      storeInts(planes, base);
      storeInts(inPlane, at.inPlane * 8);
      storeProducts(w, at.x.a, at.x.b, at.y.a, at.y.b);
      storeProducts(wx, at.x.da, at.x.db, at.y.a, at.y.b);
      storeProducts(wy, at.x.a, at.x.b, at.y.da, at.y.db);
      store(za, at.z.a);
      store(zb, at.z.b);
      store(zda, at.z.da);
      store(zdb, at.z.db);
      const Oct zeros = {};
      storeQuad(gradient + 3 * count, (Quad){});
      for (int i = 0; i < 3 * count; i++) gradient[i] = b.dout[from + i];
      for (int l = 0; l < count; l++) {
        const Quad own = loadQuad(gradient + 3 * l);
        const Oct g = NL_OCT(joinQuads(own, own), zeros, 0, 1, 2, 8, 8, 4, 5, 6);
        const Oct gz = g * halves(za[l], zb[l]);
        if (b.dDisplacement != nullptr) {
          const float* v = b.volume + (size_t)index[l] * 3;
          const Oct r00 = loadPair(v), r01 = loadPair(v + step.y * 3), r10 = loadPair(v + step.x * 3);
          const Oct r11 = loadPair(v + (step.x + step.y) * 3);
          const Oct byX = combine(wx, l, r00, r01, r10, r11) * gz;
          const Oct byY = combine(wy, l, r00, r01, r10, r11) * gz;
          const Oct byZ = combine(w, l, r00, r01, r10, r11) * (g * halves(zda[l], zdb[l]));
          storeQuad(buffer + 3 * l, sumOfThree(byX, byY, byZ));
        }
        if (b.ring != nullptr) {
          float* near = b.ring + b.slots[planes[l]] + inPlane[l];
          float* far = b.ring + b.slots[planes[l] + 1] + inPlane[l];
          // One after the other: in an axis of one voxel the two rows are the same.
          storeOct(near, loadOct(near) + broadcastOct(w[0][l]) * gz);
          storeOct(near + nextRow, loadOct(near + nextRow) + broadcastOct(w[1][l]) * gz);
          storeOct(far, loadOct(far) + broadcastOct(w[2][l]) * gz);
          storeOct(far + nextRow, loadOct(far + nextRow) + broadcastOct(w[3][l]) * gz);
        }
      }
      if (b.dDisplacement != nullptr) {
        storeRow(b.dDisplacement + from, buffer, b.addDout ? b.dout + from : nullptr, count);
      }
    }
  }
}

static void foldThree(const WarpShape& s, float* ringPlane, const float* base, float* out) {
  for (size_t y = 0; y < s.y; y++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      float buffer[3 * NL_LANES + 4];
      const float* own = ringPlane + (kRingBefore + y * s.z + z) * 8;
      for (int l = 0; l < count; l++) storeQuad(buffer + 3 * l, loadQuad(own + 8 * l) + loadQuad(own + 8 * l - 3));
      const size_t at = (y * s.z + z) * 3;
      storeRow(out + at, buffer, base == nullptr ? nullptr : base + at, count);
    }
  }
  __builtin_memset(ringPlane, 0, (kRingBefore + s.y * s.z + kRingAfter) * 8 * sizeof(float));
}

// ---- any number of channels, and grids of one voxel along z --------------------------------------------------------

// The eight corners of every lane: element offset and weight.
struct Corners {
  int index[NL_LANES], planes[NL_LANES], inPlane[NL_LANES];
  float w[4][NL_LANES], wx[4][NL_LANES], wy[4][NL_LANES];
  float z[2][NL_LANES], dz[2][NL_LANES];
};

NL_INLINE void storeCorners(const WarpShape& s, const Samples& at, int low, int high, Corners* k) {
  storeInts(k->index, at.x.base * (int)(s.y * s.z) + at.inPlane);
  const IntVec lowest = low - (IntVec){}, highest = high - (IntVec){};
  IntVec base = at.x.base < lowest ? lowest : at.x.base;
  base = base > highest ? highest : base;
  storeInts(k->planes, base);
  storeInts(k->inPlane, at.inPlane);
  storeProducts(k->w, at.x.a, at.x.b, at.y.a, at.y.b);
  storeProducts(k->wx, at.x.da, at.x.db, at.y.a, at.y.b);
  storeProducts(k->wy, at.x.a, at.x.b, at.y.da, at.y.db);
  store(k->z[0], at.z.a);
  store(k->z[1], at.z.b);
  store(k->dz[0], at.z.da);
  store(k->dz[1], at.z.db);
}

static void forwardAny(const WarpShape& s, const float* volume, const float* displacement, const float* addend,
                       float* out, size_t begin, size_t end) {
  const Steps step = stepsOf(s);
  for (size_t row = begin; row < end; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      Corners k;
      storeCorners(s, samplesAt(s, displacement, row, z, count), 0, (int)s.x, &k);
      for (int l = 0; l < count; l++) {
        for (size_t c = 0; c < s.c; c++) {
          const size_t to = (row * s.z + z + l) * s.c + c;
          float sum = addend == nullptr ? 0.0f : addend[to];
          for (int i = 0; i < 8; i++) {
            const size_t corner = (i >> 2) * step.x + (i >> 1 & 1) * step.y + (i & 1) * step.z;
            sum += k.w[i >> 1][l] * k.z[i & 1][l] * volume[(k.index[l] + corner) * s.c + c];
          }
          out[to] = sum;
        }
      }
    }
  }
}

static void backwardAny(const WarpShape& s, const WarpBackward& b, size_t x, int low, int high) {
  const Steps step = stepsOf(s);
  for (size_t row = x * s.y; row < (x + 1) * s.y; row++) {
    for (size_t z = 0; z < s.z; z += kLanes) {
      const int count = lanesLeft(z, s.z);
      Corners k;
      storeCorners(s, samplesAt(s, b.displacement, row, z, count), low, high, &k);
      for (int l = 0; l < count; l++) {
        const size_t from = row * s.z + z + l;
        float byX = 0, byY = 0, byZ = 0;
        for (size_t c = 0; c < s.c; c++) {
          const float g = b.dout[from * s.c + c];
          for (int i = 0; i < 8; i++) {
            const size_t inPlane = (i >> 1 & 1) * step.y + (i & 1) * step.z;
            if (b.dDisplacement != nullptr) {
              const float gv = g * b.volume[(k.index[l] + (i >> 2) * step.x + inPlane) * s.c + c];
              byX += k.wx[i >> 1][l] * k.z[i & 1][l] * gv;
              byY += k.wy[i >> 1][l] * k.z[i & 1][l] * gv;
              byZ += k.w[i >> 1][l] * k.dz[i & 1][l] * gv;
            }
            if (b.ring != nullptr) {
              b.ring[b.slots[k.planes[l] + (i >> 2)] + (k.inPlane[l] + inPlane) * s.c + c] += k.w[i >> 1][l] * k.z[i & 1][l] * g;
            }
          }
        }
        if (b.dDisplacement != nullptr) {
          const float* add = b.addDout ? b.dout + from * 3 : nullptr;
          b.dDisplacement[from * 3] = byX + (add == nullptr ? 0.0f : add[0]);
          b.dDisplacement[from * 3 + 1] = byY + (add == nullptr ? 0.0f : add[1]);
          b.dDisplacement[from * 3 + 2] = byZ + (add == nullptr ? 0.0f : add[2]);
        }
      }
    }
  }
}

static void foldAny(const WarpShape& s, float* ringPlane, const float* base, float* out) {
  const size_t length = s.y * s.z * s.c;
  for (size_t i = 0; i < length; i++) out[i] = base == nullptr ? ringPlane[i] : ringPlane[i] + base[i];
  __builtin_memset(ringPlane, 0, length * sizeof(float));
}

// ---- choice --------------------------------------------------------------------------------------------------------

static void warpForward(const WarpShape& s, const float* volume, const float* displacement, const float* addend,
                        float* out, size_t begin, size_t end) {
  if (s.z > 1 && s.c == 1) return forwardOne(s, volume, displacement, addend, out, begin, end);
  if (s.z > 1 && s.c == 3) return forwardThree(s, volume, displacement, addend, out, begin, end);
  forwardAny(s, volume, displacement, addend, out, begin, end);
}

static void warpBackward(const WarpShape& s, const WarpBackward& b, size_t x, int low, int high) {
  WarpBackward inside = b;
  if (s.z > 1 && s.c == 1) {
    if (b.ring != nullptr) inside.ring += kRingBefore * 4;
    return backwardOne(s, inside, x, low, high);
  }
  if (s.z > 1 && s.c == 3) {
    if (b.ring != nullptr) inside.ring += kRingBefore * 8;
    return backwardThree(s, inside, x, low, high);
  }
  backwardAny(s, b, x, low, high);
}

static size_t warpRingPlane(const WarpShape& s) {
  const size_t voxels = s.y * s.z;
  if (s.z > 1 && s.c == 1) return (kRingBefore + voxels + kRingAfter) * 4;
  if (s.z > 1 && s.c == 3) return (kRingBefore + voxels + kRingAfter) * 8;
  return voxels * s.c;
}

static void warpFold(const WarpShape& s, float* ringPlane, const float* base, float* out) {
  if (s.z > 1 && s.c == 1) return foldOne(s, ringPlane, base, out);
  if (s.z > 1 && s.c == 3) return foldThree(s, ringPlane, base, out);
  foldAny(s, ringPlane, base, out);
}

static void warpReach(const WarpShape& s, const float* displacement, size_t x, float* smallest, float* largest) {
  // Component 0 of every voxel: three vectors hold whole voxels, so each lane of each vector keeps its component.
  const size_t length = s.y * s.z * 3;
  const float* u = displacement + x * length;
  Vec low[3], high[3];
  for (int k = 0; k < 3; k++) low[k] = broadcast(__builtin_inff()), high[k] = -low[k];
  size_t i = 0;
  for (; i + 3 * kLanes <= length; i += 3 * kLanes) {
    for (int k = 0; k < 3; k++) {
      const Vec v = load(u + i + k * kLanes);
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  }
  float least = __builtin_inff(), most = -least;
  for (int k = 0; k < 3 * kLanes; k += 3) {
    const float a = low[k / kLanes][k % kLanes], b = high[k / kLanes][k % kLanes];
    if (a < least) least = a;
    if (b > most) most = b;
  }
  for (; i < length; i += 3) {
    if (u[i] < least) least = u[i];
    if (u[i] > most) most = u[i];
  }
  *smallest = least;
  *largest = most;
}

static const WarpKernels kWarpKernels = {warpForward, warpReach, warpBackward, warpRingPlane, warpFold};

}  // namespace NL_ISA
}  // namespace neuroloom
