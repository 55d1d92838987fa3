// SPDX-License-Identifier: Apache-2.0
// The revisions that there are, for control's thread, and what of them waits to be written by the
// thread beside: a disk may be slow.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "revisions/revision.h"
#include "revisions/revision_store.h"

namespace adit {

class RevisionHistory {
 public:
  // `store`: null where none is kept, with the reason.
  RevisionHistory(std::shared_ptr<RevisionStore> store, std::string why_none);

  bool is_kept() const noexcept { return store_ != nullptr; }
  const std::string& why_none() const noexcept { return why_none_; }
  // Null where none is kept. For the thread beside.
  const std::shared_ptr<RevisionStore>& store() const noexcept { return store_; }

  // By number.
  const std::vector<Revision>& all() const noexcept { return revisions_; }
  const Revision* find(uint64_t number) const;
  // Whether its text could be written, or is about to be.
  bool has_text(uint64_t number) const { return !lost_.contains(number); }
  // 0: none.
  uint64_t running() const noexcept { return running_; }
  // The last good one before the running one; 0: there is none.
  uint64_t before_running() const;

  // An older one runs, as after a start.
  void resume(uint64_t number);
  // A new one runs: `revision` without its number and time. Returns the number; 0 where none is
  // kept.
  uint64_t add(Revision revision, std::string text);
  void set_standing(uint64_t number, Standing standing);

  struct Write {
    Revision revision;
    std::optional<std::string> text;  // none: it has not changed
  };
  // What waits to be written.
  std::vector<Write> take_writes();
  bool has_writes() const noexcept { return !writes_.empty(); }
  struct Written {
    std::string why;             // not all could be written; empty: it was
    std::vector<uint64_t> lost;  // revisions without a text
  };
  // In the thread beside.
  static Written write(RevisionStore& store, const std::vector<Write>& writes);
  // Control is told of it.
  void lose(const std::vector<uint64_t>& numbers) { lost_.insert(numbers.begin(), numbers.end()); }

 private:
  std::shared_ptr<RevisionStore> store_;
  std::string why_none_;
  std::vector<Revision> revisions_;
  uint64_t next_ = 1;
  uint64_t running_ = 0;
  std::vector<Write> writes_;
  std::set<uint64_t> lost_;
};

// What a start does: the file as it stands, or a revision where the file is refused, or is one that
// was left.
struct StartChoice {
  uint64_t revision = 0;  // 0: the file
  std::string text;       // of the revision
};
// `text`: the file's, none where it cannot be read. `is_right`: whether it is accepted. A revision
// whose text cannot be read is as if it were not there.
StartChoice choose_start(const RevisionStore& store, const std::string& file,
                         const std::optional<std::string>& text, bool is_right);

}  // namespace adit
