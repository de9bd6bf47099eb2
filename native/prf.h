// Population receptive fields: responses of round Gaussian fields to a stack of images, and the sums that a step of a
// separable least-squares fit needs of them.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace neuroloom {

// Images as runs of equal columns; frames and columns that repeat are kept once.
struct PrfStimulus {
  size_t frames, uniqueFrames, columns, rows, profiles;
  const double* xs;             // (columns)
  const double* ys;             // (rows)
  const int32_t* frameOf;       // (frames): which of the unique frames
  const int32_t* stepStart;     // (profiles + 1): where the steps of a column begin
  const int32_t* stepRow;       // before which row the column steps; the number of rows: behind the last
  const double* stepFall;       // by how much it falls there
  double peak;                  // largest pixel, whatever its sign
  const int32_t* frameStart;    // (uniqueFrames + 1): where the runs of a frame begin
  const int32_t* runProfile;
  const int32_t* runFrom;  // first column of a run, and the one behind its last
  const int32_t* runTo;
};

// Fields, each for one voxel; their responses are convolved (the first sample is held before the start) and projected.
struct PrfRequest {
  size_t count;
  const double* fields;         // (count, 3): x, y, sd
  const int32_t* voxels;        // (count): row of the series; null for responses
  const double* series;         // (voxels, frames): data after projection
  size_t taps;                  // length of a kernel; 1 with the kernel 1 for no convolution
  bool ownKernels;              // kernels is (count, 3, taps): a kernel and two derivatives of it; else (taps)
  const double* kernels;
  bool removesMean;
  size_t confounds;
  const double* confoundBasis;  // (confounds, frames), orthonormal, each without mean
};

// Numbers of one row of moments: p'p, p'y, mean of p, d_i'p, d_i'y, and d_i'd_j for j >= i, row by row. The slopes are by
// x, y and log sd, and by the two parameters of an own kernel.
constexpr size_t prfMomentCount(size_t slopes) { return 3 + 2 * slopes + slopes * (slopes + 1) / 2; }

struct PrfKernels {
  size_t group;  // fields that are evaluated side by side
  // Doubles of scratch space for one part.
  size_t (*scratch)(const PrfStimulus& s, const PrfRequest& r);
  // Groups [begin, end). out: (count, prfMomentCount)
  void (*moments)(const PrfStimulus& s, const PrfRequest& r, double* out, double* scratch, size_t begin, size_t end);
  // out: (count, frames), the projected responses.
  void (*responses)(const PrfStimulus& s, const PrfRequest& r, double* out, double* scratch, size_t begin, size_t end);
  // Rows [begin, end) of out (rows, columns) = left (rows, rank) times right (rank, columns).
  void (*products)(const double* left, const double* right, double* out, size_t rank, size_t columns, size_t begin,
                   size_t end);
};

}  // namespace neuroloom
