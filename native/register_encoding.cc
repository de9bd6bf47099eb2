// Population receptive fields: see prf.h for the arrays.
#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "scratch.h"

namespace neuroloom {
namespace {

// Largest count whose products still fit; far above any stimulus.
constexpr std::size_t kMost = std::size_t{1} << 26;

std::size_t size(const Call& call, std::size_t index) {
  const std::size_t value = call.count(index);
  if (value > kMost) throw ArgumentError("a size is too large");
  return value;
}

// Kernels read at these places without looking.
constexpr const char* kDamaged = "the code of the images is damaged";

void checkRange(const std::int32_t* values, std::size_t count, std::size_t limit, const char* problem = kDamaged) {
  for (std::size_t i = 0; i < count; i++) {
    if (values[i] < 0 || static_cast<std::size_t>(values[i]) > limit) throw ArgumentError(problem);
  }
}

void checkAscending(const std::int32_t* starts, std::size_t count, std::size_t total) {
  checkRange(starts, count + 1, total);
  for (std::size_t i = 0; i < count; i++) {
    if (starts[i] > starts[i + 1]) throw ArgumentError(kDamaged);
  }
}

// (frames, uniqueFrames, columns, rows, profiles, steps, runs, xs, ys, frameOf, stepStart, stepRow, stepFall,
// frameStart, runProfile, runFrom, runTo, peak)
PrfStimulus stimulusOf(const Call& call) {
  PrfStimulus s = {};
  s.frames = size(call, 0);
  s.uniqueFrames = size(call, 1);
  s.columns = size(call, 2);
  s.rows = size(call, 3);
  s.profiles = size(call, 4);
  const std::size_t steps = size(call, 5), runs = size(call, 6);
  if (s.frames == 0 || s.uniqueFrames == 0) throw ArgumentError("there are no images");
  s.xs = call.doubles(7, s.columns);
  s.ys = call.doubles(8, s.rows);
  s.frameOf = call.ints(9, s.frames);
  s.stepStart = call.ints(10, s.profiles + 1);
  s.stepRow = call.ints(11, steps);
  s.stepFall = call.doubles(12, steps);
  s.frameStart = call.ints(13, s.uniqueFrames + 1);
  s.runProfile = call.ints(14, runs);
  s.runFrom = call.ints(15, runs);
  s.runTo = call.ints(16, runs);
  s.peak = call.number(17);
  checkRange(s.frameOf, s.frames, s.uniqueFrames - 1);
  checkAscending(s.stepStart, s.profiles, steps);
  checkRange(s.stepRow, steps, s.rows);
  checkAscending(s.frameStart, s.uniqueFrames, runs);
  checkRange(s.runProfile, runs, s.profiles == 0 ? 0 : s.profiles - 1);
  checkRange(s.runFrom, runs, s.columns);
  checkRange(s.runTo, runs, s.columns);
  return s;
}

// (..., count, fields, taps, ownKernels, kernels, removesMean, confounds, confoundBasis)
PrfRequest requestOf(const Call& call, const PrfStimulus& s) {
  PrfRequest r = {};
  r.count = size(call, 18);
  r.fields = call.doubles(19, 3 * r.count);
  r.taps = size(call, 20);
  if (r.taps == 0) throw ArgumentError("the kernel is empty");
  r.ownKernels = call.flag(21);
  r.kernels = call.doubles(22, r.ownKernels ? 3 * r.count * r.taps : r.taps);
  r.removesMean = call.flag(23);
  r.confounds = size(call, 24);
  r.confoundBasis = call.doubles(25, r.confounds * s.frames);
  return r;
}

template <class Function>
void overGroups(const PrfStimulus& s, const PrfRequest& r, Function run) {
  const PrfKernels& prf = *kernels().prf;
  const std::size_t groups = (r.count + prf.group - 1) / prf.group;
  const int parts = partsFor(groups, 1);
  const std::size_t stride = scratchStride(prf.scratch(s, r));
  const Scratch<double> scratch(stride * static_cast<std::size_t>(parts));
  forParts(parts, [&](int part) {
    run(prf, scratch.get() + stride * static_cast<std::size_t>(part), partStart(groups, parts, part),
        partStart(groups, parts, part + 1));
  });
}

// (stimulus, request, voxelCount, voxels, series, out)
napi_value prfMoments(const Call& call) {
  const PrfStimulus s = stimulusOf(call);
  PrfRequest r = requestOf(call, s);
  const std::size_t voxels = size(call, 26);
  r.voxels = call.ints(27, r.count);
  r.series = call.doubles(28, voxels * s.frames);
  double* out = call.doubles(29, r.count * prfMomentCount(r.ownKernels ? 5 : 3));
  if (r.count == 0) return call.undefined();
  if (voxels == 0) throw ArgumentError("there are no data");
  checkRange(r.voxels, r.count, voxels - 1, "a row of the series is not there");
  overGroups(s, r, [&](const PrfKernels& prf, double* scratch, std::size_t begin, std::size_t end) {
    prf.moments(s, r, out, scratch, begin, end);
  });
  return call.undefined();
}

// (stimulus, request, out)
napi_value prfResponses(const Call& call) {
  const PrfStimulus s = stimulusOf(call);
  const PrfRequest r = requestOf(call, s);
  double* out = call.doubles(26, r.count * s.frames);
  if (r.count == 0) return call.undefined();
  overGroups(s, r, [&](const PrfKernels& prf, double* scratch, std::size_t begin, std::size_t end) {
    prf.responses(s, r, out, scratch, begin, end);
  });
  return call.undefined();
}

// Multiply-adds that are worth a thread.
constexpr std::size_t kProductGrain = 200000;

// (rows, rank, columns, left, right, out)
napi_value prfProducts(const Call& call) {
  const std::size_t rows = size(call, 0), rank = size(call, 1), columns = size(call, 2);
  const double* left = call.doubles(3, rows * rank);
  const double* right = call.doubles(4, rank * columns);
  double* out = call.doubles(5, rows * columns);
  forRange(rows, 1 + kProductGrain / (1 + rank * columns), [&](std::size_t begin, std::size_t end, int) {
    kernels().prf->products(left, right, out, rank, columns, begin, end);
  });
  return call.undefined();
}

}  // namespace

void registerEncoding(napi_env env, napi_value exports) {
  defineFunction<prfMoments>(env, exports, "prfMoments");
  defineFunction<prfResponses>(env, exports, "prfResponses");
  defineFunction<prfProducts>(env, exports, "prfProducts");
}

}  // namespace neuroloom
