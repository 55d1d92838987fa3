// SPDX-License-Identifier: Apache-2.0
// A configuration that was applied, as one can go back to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adit {

// kGood: a start may go back to it. kUnconfirmed: it reverts unless it is confirmed. kLeft: a
// rollback, or a confirmation that did not come, went back from it.
enum class Standing : uint8_t { kGood, kUnconfirmed, kLeft };
inline const char* word_of(Standing standing) {
  switch (standing) {
    case Standing::kGood:
      return "good";
    case Standing::kUnconfirmed:
      return "unconfirmed";
    case Standing::kLeft:
      break;
  }
  return "left";
}

struct Revision {
  static constexpr size_t kMostChanges = 100;  // lines that are kept of one

  uint64_t number = 0;      // from 1 on, over restarts
  int64_t applied_s = 0;    // since 1970-01-01 UTC
  std::string who = {};     // "start", "SIGHUP", "uid:1000,pid:4711"
  std::string origin = {};  // "file", "rollback to 3"
  std::string file = {};    // the configuration file of the daemon
  Standing standing = Standing::kGood;
  uint64_t change_count = 0;
  std::vector<std::string> changes = {};  // the first of them

  bool operator==(const Revision&) const = default;
};

}  // namespace adit
