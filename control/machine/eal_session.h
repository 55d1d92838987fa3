// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for a process without devices, adit-replay and adit-bench: nothing is
// shared with other DPDK processes. One at a time in a process, as is EAL.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace adit {

class EalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class EalSession {
 public:
  // `program` names the process and its runtime folder; `arguments` come behind those that keep
  // it to itself. Throws EalError.
  EalSession(const std::string& program, unsigned memory_mb,
             const std::vector<std::string>& arguments);
  ~EalSession();
  EalSession(const EalSession&) = delete;
  EalSession& operator=(const EalSession&) = delete;

 private:
  std::string runtime_dir_;
};

}  // namespace adit
