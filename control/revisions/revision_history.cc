// SPDX-License-Identifier: Apache-2.0
#include "revisions/revision_history.h"

#include <algorithm>
#include <ctime>
#include <exception>
#include <utility>

namespace adit {

RevisionHistory::RevisionHistory(std::shared_ptr<RevisionStore> store, std::string why_none)
    : store_(std::move(store)), why_none_(std::move(why_none)) {
  if (!store_) return;
  revisions_ = store_->list();
  next_ = store_->highest() + 1;
}

const Revision* RevisionHistory::find(uint64_t number) const {
  const auto found = std::ranges::find(revisions_, number, &Revision::number);
  return found == revisions_.end() ? nullptr : &*found;
}

uint64_t RevisionHistory::before_running() const {
  uint64_t before = 0;
  for (const Revision& revision : revisions_)
    if (revision.number < running_ && revision.standing == Standing::kGood &&
        has_text(revision.number))
      before = revision.number;
  return before;
}

void RevisionHistory::resume(uint64_t number) {
  running_ = number;
}

uint64_t RevisionHistory::add(Revision revision, std::string text) {
  if (!store_) return 0;
  revision.number = running_ = next_++;
  revision.applied_s = std::time(nullptr);
  revision.change_count = revision.changes.size();
  if (revision.changes.size() > Revision::kMostChanges)
    revision.changes.resize(Revision::kMostChanges);
  revisions_.push_back(revision);
  if (revisions_.size() > RevisionStore::kMost) revisions_.erase(revisions_.begin());
  writes_.push_back({std::move(revision), std::move(text)});
  return running_;
}

void RevisionHistory::set_standing(uint64_t number, Standing standing) {
  const auto found = std::ranges::find(revisions_, number, &Revision::number);
  if (found == revisions_.end() || found->standing == standing) return;
  found->standing = standing;
  if (has_text(number)) writes_.push_back({*found, std::nullopt});
}

std::vector<RevisionHistory::Write> RevisionHistory::take_writes() {
  return std::exchange(writes_, {});
}

RevisionHistory::Written RevisionHistory::write(RevisionStore& store,
                                                const std::vector<Write>& writes) {
  Written written;
  for (const Write& each : writes) {
    try {
      if (each.text)
        store.save(each.revision, *each.text);
      else
        store.update(each.revision);
    } catch (const std::exception& error) {
      written.why = store.folder() + '/' + error.what();
      if (each.text) written.lost.push_back(each.revision.number);
    }
  }
  return written;
}

StartChoice choose_start(const RevisionStore& store, const std::string& file,
                         const std::optional<std::string>& text, bool is_right) {
  StartChoice good;       // the last
  bool was_left = false;  // the last revision with the file's text
  for (const Revision& revision : store.list()) {
    if (revision.file != file) continue;
    std::string own;
    try {
      own = store.text(revision.number);
    } catch (const std::exception&) {
      continue;
    }
    if (text && own == *text) was_left = revision.standing != Standing::kGood;
    if (revision.standing == Standing::kGood) good = {revision.number, std::move(own)};
  }
  return is_right && !was_left ? StartChoice() : good;
}

}  // namespace adit
