#include "prf_peaks.h"

namespace neuroloom {
namespace {

// No neighbour along the axes before the last is better; `line` is the place without its part along the last.
bool isPeakAlongAxes(const PrfPeaks& p, const double* scores, std::size_t place, std::uint32_t line) {
  const double score = scores[place];
  std::size_t stride = 1;
  std::uint32_t rest = line;
  for (std::size_t axis = p.axes; axis-- > 0;) {
    const std::uint32_t size = static_cast<std::uint32_t>(p.sizes[axis]);
    if (axis + 1 < p.axes) {
      const std::uint32_t at = rest % size;
      if (at > 0 && scores[place - stride] >= score) return false;
      if (at + 1 < size && scores[place + stride] > score) return false;
      rest /= size;
    }
    stride *= size;
  }
  return true;
}

// None of the three before and the three behind on the lines beside is better.
bool isPeakAround(const PrfPeaks& p, const double* scores, std::size_t line, std::size_t last) {
  const std::size_t lines = static_cast<std::size_t>(p.sizes[0]), length = static_cast<std::size_t>(p.sizes[1]);
  const double score = scores[line * length + last];
  const std::size_t from = last > 0 ? last - 1 : 0, to = last + 1 < length ? last + 1 : last;
  for (std::size_t at = from; at <= to; at++) {
    if (line > 0 && scores[(line - 1) * length + at] >= score) return false;
    if (line + 1 < lines && scores[(line + 1) * length + at] > score) return false;
  }
  return true;
}

void scoresOf(const PrfPeaks& p, double* scores) {
  if (!p.allowNegative) {
    for (std::size_t c = 0; c < p.columns; c++) scores[c] = scores[c] > 0 ? scores[c] : 0.0;
  }
  if (p.weights == nullptr) {
    for (std::size_t c = 0; c < p.columns; c++) scores[c] *= scores[c];
  } else {
    for (std::size_t c = 0; c < p.columns; c++) scores[c] = scores[c] * scores[c] * p.weights[c];
  }
}

}  // namespace

void prfPeaks(const PrfPeaks& p, std::int32_t* out, std::size_t begin, std::size_t end) {
  for (std::size_t row = begin; row < end; row++) {
    double* scores = p.scores + row * p.columns;
    std::int32_t* best = out + row * p.most;
    scoresOf(p, scores);
    std::size_t found = 0;
    double least = 0;
    const std::size_t length = p.axes == 0 ? 1 : static_cast<std::size_t>(p.sizes[p.axes - 1]);
    const std::size_t lines = p.most == 0 ? 0 : p.columns / length;
    for (std::size_t line = 0; line < lines; line++) {
      for (std::size_t last = 0; last < length; last++) {
        const std::size_t place = line * length + last;
        const double score = scores[place];
        if (!(score > least)) continue;
        if (last > 0 && scores[place - 1] >= score) continue;
        if (last + 1 < length && scores[place + 1] > score) continue;
        const bool isPeak = p.diagonal ? isPeakAround(p, scores, line, last)
                                       : isPeakAlongAxes(p, scores, place, static_cast<std::uint32_t>(line));
        if (!isPeak) continue;
        std::size_t at = found < p.most ? found++ : p.most - 1;
        for (; at > 0 && scores[best[at - 1]] < score; at--) best[at] = best[at - 1];
        best[at] = static_cast<std::int32_t>(place);
        if (found == p.most) least = scores[best[found - 1]];
      }
    }
    for (; found < p.most; found++) best[found] = -1;
  }
}

}  // namespace neuroloom
