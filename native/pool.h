// One pool of threads per process. The calling thread takes part; waiting threads sleep.
#pragma once
#include <cstddef>
#include <type_traits>

namespace neuroloom {

// Sets the number of threads that work on one operation, the caller included. Not during an operation.
void setThreads(int threads);
int threads();

// Runs task(context, part) for every part in [0, parts), part i always on thread i, and returns when all are done.
// parts must not exceed threads().
void runParts(int parts, void (*task)(void* context, int part), void* context);

// Calls body(part) once for each of `parts` parts, one per thread.
template <class Body>
void forParts(int parts, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  if (parts == 1) return body(0);
  runParts(parts, [](void* context, int part) { (*static_cast<Plain*>(context))(part); }, &body);
}

// How many parts to cut `count` items into when less than `grain` items are not worth a thread.
inline int partsFor(std::size_t count, std::size_t grain) {
  const std::size_t useful = grain == 0 ? count : count / grain;
  const std::size_t limit = static_cast<std::size_t>(threads());
  return static_cast<int>(useful < 1 ? 1 : (useful < limit ? useful : limit));
}

// First item of a part in a static split: depends on count and parts alone, never on timing.
inline std::size_t partStart(std::size_t count, int parts, int part) {
  return count / parts * part + (count % parts) * part / parts;
}

// Calls body(begin, end, part) over a static split of [0, count). Reductions keep one value per part and add them
// in the order of the parts: the same sum for the same count and number of threads.
template <class Body>
int forRange(std::size_t count, std::size_t grain, Body&& body) {
  const int parts = partsFor(count, grain);
  forParts(parts, [&](int part) { body(partStart(count, parts, part), partStart(count, parts, part + 1), part); });
  return parts;
}

}  // namespace neuroloom
