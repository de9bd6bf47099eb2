namespace neuroloom {
namespace NL_ISA {

// First element of the fine row that is (dx, dy) inside the 2x2 rows above coarse row `row`, with c per voxel.
NL_INLINE size_t fineRow(size_t fineY, size_t fineZ, size_t c, size_t row, size_t dx, size_t dy) {
  const size_t halfY = fineY / 2, plane = row / halfY;
  // plane = n * X/2 + x, so 2 * plane + dx is n * X + (2x + dx).
  return ((2 * plane + dx) * fineY + 2 * (row % halfY) + dy) * fineZ * c;
}

static void maxPool(const PoolShape& s, const float* x, float* y, uint8_t* argmax, size_t begin, size_t end) {
  const size_t c = s.c, halfZ = s.z / 2;
  for (size_t row = begin; row < end; row++) {
    const float* source[8];
    for (size_t k = 0; k < 8; k++) source[k] = x + fineRow(s.y, s.z, c, row, k >> 2, k >> 1 & 1) + (k & 1) * c;
    float* out = y + row * halfZ * c;
    uint8_t* where = argmax + row * halfZ * c;
    for (size_t z = 0; z < halfZ; z++) {
      size_t i = 0;
      for (; i + kLanes <= c; i += kLanes) {
        Vec best = load(source[0] + i);
        IntVec index = {};
        for (int k = 1; k < 8; k++) {
          const Vec value = load(source[k] + i);
          const IntVec take = (value > best) | (value != value);
          best = select(take, value, best);
          index = (take & k) | (~take & index);
        }
        store(out + i, best);
        for (int lane = 0; lane < kLanes; lane++) where[i + lane] = (uint8_t)index[lane];
      }
      for (; i < c; i++) {
        float best = source[0][i];
        uint8_t index = 0;
        for (int k = 1; k < 8; k++) {
          const float value = source[k][i];
          if (value > best || value != value) best = value, index = (uint8_t)k;
        }
        out[i] = best;
        where[i] = index;
      }
      for (int k = 0; k < 8; k++) source[k] += 2 * c;
      out += c;
      where += c;
    }
  }
}

static void maxPoolBackward(const PoolShape& s, const float* dy, const uint8_t* argmax, float* dx, size_t begin, size_t end) {
  const size_t c = s.c, halfZ = s.z / 2;
  for (size_t row = begin; row < end; row++) {
    for (int pair = 0; pair < 4; pair++) {
      float* out = dx + fineRow(s.y, s.z, c, row, pair >> 1, pair & 1);
      for (size_t z = 0; z < halfZ; z++) {
        const float* gradient = dy + (row * halfZ + z) * c;
        const uint8_t* where = argmax + (row * halfZ + z) * c;
        float* even = out + 2 * z * c;
        float* odd = even + c;
        for (size_t i = 0; i < c; i++) {
          const float g = gradient[i];
          const int index = where[i];
          even[i] = index == 2 * pair ? g : 0.0f;
          odd[i] = index == 2 * pair + 1 ? g : 0.0f;
        }
      }
    }
  }
}

static void upConcat(const UpConcatShape& s, const float* low, const float* skip, float* y, size_t begin, size_t end) {
  const size_t cl = s.cLow, cs = s.cSkip, c = cl + cs, halfZ = s.z / 2;
  for (size_t row = begin; row < end; row++) {
    for (size_t pair = 0; pair < 4; pair++) {
      float* out = y + fineRow(s.y, s.z, c, row, pair >> 1, pair & 1);
      const float* from = skip + fineRow(s.y, s.z, cs, row, pair >> 1, pair & 1);
      for (size_t z = 0; z < s.z; z++) {
        const float* coarse = low + (row * halfZ + z / 2) * cl;
        for (size_t i = 0; i < cl; i++) out[i] = coarse[i];
        for (size_t i = 0; i < cs; i++) out[cl + i] = from[i];
        out += c;
        from += cs;
      }
    }
  }
}

static void upConcatBackward(const UpConcatShape& s, const float* dy, float* dLow, float* dSkip, size_t begin, size_t end) {
  const size_t cl = s.cLow, cs = s.cSkip, c = cl + cs, halfZ = s.z / 2;
  for (size_t row = begin; row < end; row++) {
    const float* rows[4];
    for (size_t pair = 0; pair < 4; pair++) rows[pair] = dy + fineRow(s.y, s.z, c, row, pair >> 1, pair & 1);
    if (dLow != nullptr) {
      for (size_t z = 0; z < halfZ; z++) {
        float* sum = dLow + (row * halfZ + z) * cl;
        const size_t at = 2 * z * c;
        for (size_t i = 0; i < cl; i++) {
          sum[i] = ((rows[0][at + i] + rows[0][at + c + i]) + (rows[1][at + i] + rows[1][at + c + i])) +
                   ((rows[2][at + i] + rows[2][at + c + i]) + (rows[3][at + i] + rows[3][at + c + i]));
        }
      }
    }
    if (dSkip != nullptr) {
      for (size_t pair = 0; pair < 4; pair++) {
        float* to = dSkip + fineRow(s.y, s.z, cs, row, pair >> 1, pair & 1);
        for (size_t z = 0; z < s.z; z++) {
          for (size_t i = 0; i < cs; i++) to[z * cs + i] = rows[pair][z * c + cl + i];
        }
      }
    }
  }
}

static const PoolingKernels kPoolingKernels = {maxPool, maxPoolBackward, upConcat, upConcatBackward};

}  // namespace NL_ISA
}  // namespace neuroloom
