// SPDX-License-Identifier: Apache-2.0
// Revisions in a folder, two files each: 12.yaml is the configuration's text as it was applied,
// 12.json says who applied it and when. Each is written whole; a revision is there once its JSON
// is. Only one process at a time has the folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "revisions/revision.h"

namespace adit {

class RevisionStore {
 public:
  static constexpr size_t kMost = 50;  // older ones are removed

  // Makes the folder where it is missing. Throws std::runtime_error: another process has it, or it
  // cannot be written.
  explicit RevisionStore(const std::string& folder);
  ~RevisionStore();
  RevisionStore(const RevisionStore&) = delete;
  RevisionStore& operator=(const RevisionStore&) = delete;

  // By number. `damaged`: files that are none of ours or cannot be read; they are left alone.
  std::vector<Revision> list(std::vector<std::string>* damaged = nullptr) const;
  // The highest number that a file here has; 0: none.
  uint64_t highest() const;
  // Throws std::runtime_error where there is none, as the following do where they fail.
  std::string text(uint64_t number) const;
  void save(const Revision& revision, std::string_view text);
  // What is known of a revision has changed, and not its text.
  void update(const Revision& revision);

  const std::string& folder() const noexcept { return folder_; }

 private:
  std::vector<uint64_t> numbers() const;
  void remove_oldest();

  std::string folder_;
  int fd_ = -1;
  int lock_ = -1;
};

}  // namespace adit
