// Population receptive fields: see prf.h for the arrays.
#include <optional>

#include "dispatch/kernels.h"
#include "napi_call.h"
#include "pool.h"
#include "prf_fit.h"
#include "prf_peaks.h"
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

void evaluateMoments(const PrfStimulus& s, const PrfRequest& r, double* out) {
  overGroups(s, r, [&](const PrfKernels& prf, double* scratch, std::size_t begin, std::size_t end) {
    prf.moments(s, r, out, scratch, begin, end);
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
  evaluateMoments(s, r, out);
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

// (rows, columns, scores, weights or null, allowNegative, axes, sizes, diagonal, most, out)
napi_value prfPeaks(const Call& call) {
  PrfPeaks p = {};
  p.rows = size(call, 0);
  p.columns = size(call, 1);
  p.scores = call.doubles(2, p.rows * p.columns);
  p.weights = call.isNull(3) ? nullptr : call.doubles(3, p.columns);
  p.allowNegative = call.flag(4);
  p.axes = size(call, 5);
  p.sizes = call.ints(6, p.axes);
  p.diagonal = call.flag(7);
  p.most = size(call, 8);
  std::int32_t* out = call.ints(9, p.rows * p.most);
  std::size_t places = 1;
  for (std::size_t axis = 0; axis < p.axes; axis++) {
    if (p.sizes[axis] < 1) throw ArgumentError("an axis is empty");
    places *= static_cast<std::size_t>(p.sizes[axis]);
    if (places > kMost) throw ArgumentError("a size is too large");
  }
  if (places != p.columns || (p.diagonal && p.axes != 2)) throw ArgumentError("the axes do not span the scores");
  forRange(p.rows, 1 + kProductGrain / (1 + p.columns),
           [&](std::size_t begin, std::size_t end, int) { neuroloom::prfPeaks(p, out, begin, end); });
  return call.undefined();
}

// Doubles of the settings of a fit: size, allowNegative, maxIterations, height, power; then low, high, held and quarter, each
// (size); with own kernels tr, onset, undershoot, its dispersion and its ratio.
constexpr std::size_t kFitHead = 5;
constexpr std::size_t kHrfNumbers = 5;

SeparableSearch searchOf(const double* settings, bool ownKernels) {
  SeparableSearch search = {};
  search.size = ownKernels ? 5 : 3;
  if (settings[0] != static_cast<double>(search.size)) throw ArgumentError("the coordinates do not fit the kernels");
  search.allowNegative = settings[1] != 0;
  search.maxIterations = settings[2];
  search.sizeAt = 2;
  const double* next = settings + kFitHead;
  for (std::size_t i = 0; i < search.size; i++) {
    search.low[i] = next[i];
    search.high[i] = next[search.size + i];
    search.held[i] = next[2 * search.size + i] != 0;
    search.quarter[i] = next[3 * search.size + i];
  }
  return search;
}

// (stimulus, request without fields, voxels, series, problems, first, starts, settings, out)
napi_value prfFit(const Call& call) {
  PrfFitRequest fit = {};
  fit.stimulus = stimulusOf(call);
  fit.projection = requestOf(call, fit.stimulus);
  if (fit.projection.count != 0) throw ArgumentError("a fit chooses its own fields");
  const bool ownKernels = fit.projection.ownKernels;
  const std::size_t coordinates = ownKernels ? 5 : 3, head = kFitHead + 4 * coordinates;
  fit.voxels = size(call, 26);
  fit.series = call.doubles(27, fit.voxels * fit.stimulus.frames);
  fit.problems = call.doubles(28, 2 * fit.voxels);
  fit.first = call.ints(29, fit.voxels + 1);
  const std::size_t starts = size(call, 30);
  fit.starts = call.doubles(31, starts * coordinates);
  const double* settings = call.doubles(32, head + (ownKernels ? kHrfNumbers : 0));
  double* out = call.doubles(33, fit.voxels * prfFitCount(coordinates));
  checkAscending(fit.first, fit.voxels, starts);
  for (std::size_t v = 0; v < fit.voxels; v++) {
    if (fit.first[v] == fit.first[v + 1]) throw ArgumentError("a voxel has no start");
  }
  fit.search = searchOf(settings, ownKernels);
  fit.height = settings[3];
  fit.power = settings[4];
  std::optional<DoubleGamma> hrf;
  if (ownKernels) {
    const double* h = settings + head;
    hrf.emplace(h[0], h[1], h[2], h[3], h[4], fit.projection.taps);
    fit.hrf = &*hrf;
  }
  neuroloom::prfFit(fit, evaluateMoments, out);
  return call.undefined();
}

}  // namespace

void registerEncoding(napi_env env, napi_value exports) {
  defineFunction<prfMoments>(env, exports, "prfMoments");
  defineFunction<prfResponses>(env, exports, "prfResponses");
  defineFunction<prfProducts>(env, exports, "prfProducts");
  defineFunction<prfPeaks>(env, exports, "prfPeaks");
  defineFunction<prfFit>(env, exports, "prfFit");
}

}  // namespace neuroloom
