// SPDX-License-Identifier: Apache-2.0
// 2 MiB hugepages: how many are free, and taking some for the time of a run.
#pragma once

#include <optional>

namespace adit::bench {

// MB in free hugepages of 2 MiB.
unsigned free_hugepages_mb();

// Raises the number of hugepages so that `mb` are free, and puts the former number back in
// the end. EAL in its in-memory mode needs no mounted hugetlbfs.
class BorrowedHugepages {
 public:
  // Throws EalError where the kernel refuses, or gives less.
  explicit BorrowedHugepages(unsigned mb);
  ~BorrowedHugepages();
  BorrowedHugepages(const BorrowedHugepages&) = delete;
  BorrowedHugepages& operator=(const BorrowedHugepages&) = delete;

 private:
  std::optional<unsigned> former_pages_;  // none: nothing was changed
};

}  // namespace adit::bench
