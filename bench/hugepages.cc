// SPDX-License-Identifier: Apache-2.0
#include "hugepages.h"

#include <fstream>
#include <string>

#include "errors.h"

namespace adit::bench {
namespace {

constexpr unsigned kPageMb = 2;
const std::string kFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";

unsigned read_number(const std::string& name) {
  unsigned number = 0;
  std::ifstream(kFolder + name) >> number;  // no such file, no such pages
  return number;
}

bool write_pages(unsigned pages) {
  std::ofstream file(kFolder + "nr_hugepages");
  return static_cast<bool>(file << pages << std::flush);
}

}  // namespace

unsigned free_hugepages_mb() {
  const unsigned free = read_number("free_hugepages");
  const unsigned reserved = read_number("resv_hugepages");
  return free > reserved ? (free - reserved) * kPageMb : 0;
}

BorrowedHugepages::BorrowedHugepages(unsigned mb) {
  const unsigned have_mb = free_hugepages_mb();
  if (have_mb >= mb) return;
  const unsigned former = read_number("nr_hugepages");
  if (!write_pages(former + (mb - have_mb + kPageMb - 1) / kPageMb))
    throw EalError("--take-hugepages: cannot write " + kFolder + "nr_hugepages; run as root");
  former_pages_ = former;
  const unsigned got_mb = free_hugepages_mb();
  if (got_mb >= mb) return;
  write_pages(former);
  throw EalError("--take-hugepages: " + std::to_string(mb) + " MB are needed, the kernel has " +
                 std::to_string(got_mb) + " MB in one piece");
}

BorrowedHugepages::~BorrowedHugepages() {
  if (former_pages_) write_pages(*former_pages_);
}

}  // namespace adit::bench
