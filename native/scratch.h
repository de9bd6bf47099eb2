// Uninitialised working memory of one operation, aligned for every vector and freed with the object.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdint>
#endif

namespace neuroloom {

// Asks for large pages under memory that is about to be written: fewer faults, fewer misses in the table of pages. Only
// whole large pages inside [data, data + bytes) are touched; where there are none to be had nothing happens.
inline void preferLargePages(void* data, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
  const std::uintptr_t from = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (from + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t end = (from + bytes) / kLargePage * kLargePage;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)data;
  (void)bytes;
#endif
}

template <class T>
class Scratch {
 public:
  static constexpr std::size_t kAlignment = 64;

  explicit Scratch(std::size_t count) {
    if (count == 0) return;
    const std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<T*>(std::aligned_alloc(kAlignment, bytes));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
};

// Elements per part of a scratch that several parts share, so that no two parts write into one cache line.
inline std::size_t scratchStride(std::size_t count) { return (count + 31) / 32 * 32; }

}  // namespace neuroloom
