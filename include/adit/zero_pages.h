// SPDX-License-Identifier: Apache-2.0
// A large array of zeroes whose pages cost memory only once they are touched.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "adit/assert.h"

namespace adit {

// For types for which all-zero bytes are the initial value.
template <class T>
class ZeroPages {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  ZeroPages() = default;
  // Throws std::bad_alloc.
  explicit ZeroPages(std::size_t count) : bytes_(count * sizeof(T)) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // Fewer TLB misses where the kernel gives large pages; it may refuse.
    madvise(memory, bytes_, MADV_HUGEPAGE);
    data_ = static_cast<T*>(memory);
  }
  ~ZeroPages() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  ZeroPages(ZeroPages&& other) noexcept { swap(other); }
  ZeroPages& operator=(ZeroPages&& other) noexcept {
    swap(other);
    return *this;
  }

  T& operator[](std::size_t index) noexcept {
    ADIT_ASSERT(index < bytes_ / sizeof(T));
    return data_[index];
  }
  const T& operator[](std::size_t index) const noexcept {
    ADIT_ASSERT(index < bytes_ / sizeof(T));
    return data_[index];
  }

 private:
  void swap(ZeroPages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  T* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace adit
