// Uninitialised working memory of one operation, aligned for every vector and freed with the object.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

namespace neuroloom {

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
