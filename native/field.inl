namespace neuroloom {
namespace NL_ISA {

// Adds the lanes of v, in double precision.
NL_INLINE void addLanes(WideVec* total, Vec v) {
  float lanes[NL_LANES];
  store(lanes, v);
  *total += widen(lanes) + widen(lanes + kHalfLanes);
}

// ---- smoothness ----------------------------------------------------------------------------------------------------

NL_INLINE double squaredDifferences(const float* v, size_t step, size_t length) {
  WideVec total = {};
  size_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    const Vec difference = load(v + i + step) - load(v + i);
    addLanes(&total, difference * difference);
  }
  double rest = 0;
  for (; i < length; i++) rest += (double)(v[i + step] - v[i]) * (double)(v[i + step] - v[i]);
  return sumLanes(total) + rest;
}

static void smoothness(const FieldShape& s, const float* v, size_t begin, size_t end, double* sums) {
  const size_t row = s.z * s.c, plane = s.y * row;
  sums[0] = sums[1] = sums[2] = 0;
  for (size_t x = begin; x < end; x++) {
    const float* at = v + x * plane;
    if (x + 1 < s.x) sums[0] += squaredDifferences(at, plane, plane);
    sums[1] += squaredDifferences(at, row, plane - row);
    for (size_t y = 0; y < s.y; y++) sums[2] += squaredDifferences(at + y * row, s.c, row - s.c);
  }
}

static void smoothnessBackward(const FieldShape& s, const float* v, const float* factors, float* dv, size_t begin,
                               size_t end) {
  const size_t row = s.z * s.c, plane = s.y * row;
  const float fx = factors[0], fy = factors[1], fz = factors[2];
  for (size_t x = begin; x < end; x++) {
    for (size_t y = 0; y < s.y; y++) {
      const size_t start = x * plane + y * row;
      // Where there is no neighbour the voxel is its own: a difference of 0.
      const float *at = v + start, *beforeX = x > 0 ? at - plane : at, *afterX = x + 1 < s.x ? at + plane : at;
      const float *beforeY = y > 0 ? at - row : at, *afterY = y + 1 < s.y ? at + row : at;
      float* to = dv + start;
      auto one = [&](size_t i) __attribute__((always_inline)) {
        const float here = at[i];
        const float beforeZ = i >= s.c ? at[i - s.c] : here, afterZ = i + s.c < row ? at[i + s.c] : here;
        to[i] = fx * ((here - beforeX[i]) - (afterX[i] - here)) + fy * ((here - beforeY[i]) - (afterY[i] - here)) +
                fz * ((here - beforeZ) - (afterZ - here));
      };
      size_t i = 0;
      for (; i < s.c; i++) one(i);
      for (; i + kLanes + s.c <= row; i += kLanes) {
        const Vec here = load(at + i);
        store(to + i, fx * ((here - load(beforeX + i)) - (load(afterX + i) - here)) +
                          fy * ((here - load(beforeY + i)) - (load(afterY + i) - here)) +
                          fz * ((here - load(at + i - s.c)) - (load(at + i + s.c) - here)));
      }
      for (; i < row; i++) one(i);
    }
  }
}

// ---- Jacobian hinge --------------------------------------------------------------------------------------------------

// J[3 * component + axis] of `count` cells from (x, y, z) on.
NL_INLINE void jacobians(const FieldShape& s, const float* u, size_t row, size_t z, int count, Vec* J) {
  const float* at = u + (row * s.z + z) * 3;
  Vec here[3], next[3];
  loadComponents(at, count, &here[0], &here[1], &here[2]);
  const size_t steps[3] = {s.y * s.z * 3, s.z * 3, 3};
  for (int axis = 0; axis < 3; axis++) {
    loadComponents(at + steps[axis], count, &next[0], &next[1], &next[2]);
    for (int c = 0; c < 3; c++) J[3 * c + axis] = next[c] - here[c] + (c == axis ? 1.0f : 0.0f);
  }
}

NL_INLINE Vec determinant(const Vec* J) {
  return J[0] * (J[4] * J[8] - J[5] * J[7]) - J[1] * (J[3] * J[8] - J[5] * J[6]) + J[2] * (J[3] * J[7] - J[4] * J[6]);
}

// How far the determinant is below the margin: 0 where it is not, NaN where it is NaN.
NL_INLINE Vec shortfall(const Vec* J, float margin) {
  const Vec zero = {}, below = margin - determinant(J);
  return below < zero ? zero : below;
}

NL_INLINE int cellsLeft(size_t z, size_t cells) { return cells - z < (size_t)kLanes ? (int)(cells - z) : kLanes; }

static double jacobianHinge(const FieldShape& s, const float* u, float margin, size_t begin, size_t end) {
  WideVec total = {};
  double rest = 0;
  for (size_t x = begin; x < end && x + 1 < s.x; x++) {
    for (size_t y = 0; y + 1 < s.y; y++) {
      for (size_t z = 0; z + 1 < s.z; z += kLanes) {
        const int count = cellsLeft(z, s.z - 1);
        Vec J[9];
        jacobians(s, u, x * s.y + y, z, count, J);
        const Vec below = shortfall(J, margin);
        if (count == kLanes) addLanes(&total, below * below);
        else for (int l = 0; l < count; l++) rest += (double)below[l] * below[l];
      }
    }
  }
  return sumLanes(total) + rest;
}

NL_INLINE bool anyLane(IntVec mask) {
#if defined(NL_AVX512)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(NL_AVX2)
  return _mm256_movemask_ps((__m256)mask) != 0;
#else
  return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
#endif
}

// Derivatives by the nine entries of J of the cells at (row, z): all zero (false) where no cell is short.
NL_INLINE bool hingeSlopes(const FieldShape& s, const float* u, float margin, float factor, size_t row, size_t z,
                           int count, float (*slopes)[NL_LANES]) {
  Vec J[9];
  jacobians(s, u, row, z, count, J);
  const Vec below = shortfall(J, margin);
  if (!anyLane(below != (Vec){})) return false;
  const Vec f = below * (-2.0f * factor);
  for (int c = 0; c < 3; c++) {
    const Vec *p = J + 3 * ((c + 1) % 3), *q = J + 3 * ((c + 2) % 3);
    for (int a = 0; a < 3; a++) {
      const int b = (a + 1) % 3, d = (a + 2) % 3;
      store(slopes[3 * c + a], f * (p[b] * q[d] - p[d] * q[b]));
    }
  }
  return true;
}

// A plane receives from the cells that start in it and, along x, from those of the plane before: each plane is written
// by one caller only.
static void jacobianHingeBackward(const FieldShape& s, const float* u, float margin, float factor, float* du,
                                  size_t begin, size_t end) {
  const size_t plane = s.y * s.z * 3;
  float slopes[9][NL_LANES];
  for (size_t x = begin; x < end; x++) {
    __builtin_memset(du + x * plane, 0, plane * sizeof(float));
    for (int back = 0; back < 2; back++) {
      if (back ? x == 0 : x + 1 >= s.x) continue;
      for (size_t y = 0; y + 1 < s.y; y++) {
        for (size_t z = 0; z + 1 < s.z; z += kLanes) {
          const int count = cellsLeft(z, s.z - 1);
          if (!hingeSlopes(s, u, margin, factor, (x - back) * s.y + y, z, count, slopes)) continue;
          float* at = du + x * plane + (y * s.z + z) * 3;
          for (int l = 0; l < count; l++, at += 3) {
            for (int c = 0; c < 3; c++) {
              const float gx = slopes[3 * c][l], gy = slopes[3 * c + 1][l], gz = slopes[3 * c + 2][l];
              if (back) {
                at[c] += gx;
              } else {
                at[c] -= gx + gy + gz;
                at[s.z * 3 + c] += gy;
                at[3 + c] += gz;
              }
            }
          }
        }
      }
    }
  }
}

// ---- upsampling ------------------------------------------------------------------------------------------------------

// Fine voxel f of an axis lies at (f - 0.5) / 2 of the coarse one: three quarters of coarse voxel f / 2 and one
// quarter of the neighbour on the side where f lies, or of itself at the border.
NL_INLINE size_t quarterNeighbour(size_t fine, size_t coarse) {
  const size_t own = fine / 2;
  if (fine & 1) return own + 1 < coarse ? own + 1 : own;
  return own > 0 ? own - 1 : own;
}

static void upsample(const FieldShape& s, const float* u, float* out, float* scratch, size_t begin, size_t end) {
  const size_t row = s.z * 3;
  float* blend = scratch + 3;
  for (size_t r = begin; r < end; r++) {
    const size_t x = r / (2 * s.y), y = r % (2 * s.y);
    const size_t nx = quarterNeighbour(x, s.x), ny = quarterNeighbour(y, s.y);
    const float *own = u + (x / 2 * s.y + y / 2) * row, *besideY = u + (x / 2 * s.y + ny) * row;
    const float *besideX = u + (nx * s.y + y / 2) * row, *besideXY = u + (nx * s.y + ny) * row;
    // The factor 2 of the new voxel size is in these weights.
    for (size_t i = 0; i < row; i++) {
      blend[i] = 1.125f * own[i] + 0.375f * (besideY[i] + besideX[i]) + 0.125f * besideXY[i];
    }
    for (int c = 0; c < 3; c++) {
      blend[c - 3] = blend[c];
      blend[row + c] = blend[row - 3 + c];
    }
    float* to = out + r * 2 * row;
    size_t z = 0;
    // Four floats at a time, the fourth overwritten by the next voxel.
    for (; z + 1 < s.z; z++) {
      const Quad here = loadQuad(blend + 3 * z) * 0.75f;
      storeQuad(to + 6 * z, here + loadQuad(blend + 3 * z - 3) * 0.25f);
      storeQuad(to + 6 * z + 3, here + loadQuad(blend + 3 * z + 3) * 0.25f);
    }
    for (int c = 0; c < 3; c++) {
      to[6 * z + c] = 0.75f * blend[3 * z + c] + 0.25f * blend[3 * z - 3 + c];
      to[6 * z + 3 + c] = 0.75f * blend[3 * z + c] + 0.25f * blend[3 * z + 3 + c];
    }
  }
}

// The fine voxels that a coarse one contributes to, and how much, one axis.
struct Receivers {
  size_t at[4];
  float weight[4];
  int count;
};

NL_INLINE Receivers receivers(size_t own, size_t coarse) {
  const bool first = own == 0, last = own + 1 == coarse;
  Receivers r = {{2 * own, 2 * own + 1}, {first ? 1.0f : 0.75f, last ? 1.0f : 0.75f}, 2};
  if (!first) r.at[r.count] = 2 * own - 1, r.weight[r.count++] = 0.25f;
  if (!last) r.at[r.count] = 2 * own + 2, r.weight[r.count++] = 0.25f;
  return r;
}

static void upsampleBackward(const FieldShape& s, const float* dout, float* du, float* scratch, size_t begin,
                             size_t end) {
  const size_t row = s.z * 3, fine = 2 * row;
  float* sum = scratch + 3;
  for (size_t r = begin; r < end; r++) {
    const Receivers x = receivers(r / s.y, s.x), y = receivers(r % s.y, s.y);
    for (int i = 0; i < x.count; i++) {
      for (int j = 0; j < y.count; j++) {
        const float weight = 2.0f * x.weight[i] * y.weight[j];
        const float* from = dout + (x.at[i] * 2 * s.y + y.at[j]) * fine;
        if (i == 0 && j == 0) for (size_t k = 0; k < fine; k++) sum[k] = weight * from[k];
        else for (size_t k = 0; k < fine; k++) sum[k] += weight * from[k];
      }
    }
    for (int c = 0; c < 3; c++) {
      sum[c - 3] = sum[c];
      sum[fine + c] = sum[fine - 3 + c];
    }
    float* to = du + r * row;
    for (size_t z = 0; z < s.z; z++) {
      for (int c = 0; c < 3; c++) {
        const float* at = sum + 6 * z + c;
        to[3 * z + c] = 0.75f * (at[0] + at[3]) + 0.25f * (at[-3] + at[6]);
      }
    }
  }
}

static const FieldKernels kFieldKernels = {smoothness,        smoothnessBackward, jacobianHinge,
                                           jacobianHingeBackward, upsample,       upsampleBackward};

}  // namespace NL_ISA
}  // namespace neuroloom
