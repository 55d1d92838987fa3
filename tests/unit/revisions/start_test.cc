// SPDX-License-Identifier: Apache-2.0
// With what a start begins, and what the history is after each kind of change.
#include <gtest/gtest.h>

#include "revisions/revision_history.h"
#include "temp_dir.h"

namespace adit::start_test {
namespace {

constexpr char kFile[] = "/etc/adit/adit.yaml";

class StartTest : public testing::Test {
 protected:
  void add(const char* text, Standing standing = Standing::kGood, const char* file = kFile) {
    history_.add({.who = "x", .origin = "file", .file = file, .standing = standing}, text);
    EXPECT_EQ(RevisionHistory::write(*store_, history_.take_writes()).why, "");
  }
  void leave(uint64_t number) {
    history_.set_standing(number, Standing::kLeft);
    EXPECT_EQ(RevisionHistory::write(*store_, history_.take_writes()).why, "");
  }
  uint64_t chosen(const char* text, bool is_right = true) {
    return choose_start(*store_, kFile, text, is_right).revision;
  }

  TempDir directory_;
  std::shared_ptr<RevisionStore> store_ =
      std::make_shared<RevisionStore>(directory_.file("revisions"));
  RevisionHistory history_{store_, ""};
};

TEST_F(StartTest, TakesTheFile) {
  EXPECT_EQ(chosen("a"), 0u) << "nothing is kept";
  EXPECT_EQ(chosen("a", false), 0u) << "and there is nothing else";
  add("a");
  EXPECT_EQ(chosen("a"), 0u);
  EXPECT_EQ(chosen("b"), 0u) << "edited since";
}

TEST_F(StartTest, TakesTheLastGoodOneWhereTheFileIsRefused) {
  add("a");
  add("b");
  add("c", Standing::kUnconfirmed);
  EXPECT_EQ(chosen("d", false), 2u);
  EXPECT_EQ(choose_start(*store_, kFile, std::nullopt, false).revision, 2u) << "gone";
  EXPECT_EQ(choose_start(*store_, kFile, std::nullopt, false).text, "b");
  EXPECT_EQ(choose_start(*store_, "/tmp/other.yaml", "d", false).revision, 0u)
      << "another file's revisions say nothing of this one";
}

TEST_F(StartTest, DoesNotTakeWhatWasLeftOrNeverConfirmed) {
  add("a");
  add("b");
  add("a");  // rollback to 1
  leave(2);
  EXPECT_EQ(chosen("b"), 3u);
  EXPECT_EQ(chosen("c"), 0u) << "edited since";
  add("b");  // a reload of the file, which the operator wants now
  EXPECT_EQ(chosen("b"), 0u);
  add("d", Standing::kUnconfirmed);
  EXPECT_EQ(chosen("d"), 4u);
}

TEST_F(StartTest, GoesByWhatCanBeRead) {
  add("a");
  add("b");
  std::filesystem::remove(directory_.file("revisions/2.yaml"));
  std::filesystem::create_directory(directory_.file("revisions/2.yaml"));
  EXPECT_EQ(chosen("c", false), 1u);
  EXPECT_EQ(chosen("c"), 0u);
}

TEST_F(StartTest, NumbersGoOnAndTheOneBeforeIsAGoodOne) {
  add("a");
  add("b");
  add("c");
  leave(2);
  EXPECT_EQ(history_.running(), 3u);
  EXPECT_EQ(history_.before_running(), 1u);
  RevisionHistory again(store_, "");
  EXPECT_EQ(again.all(), history_.all());
  EXPECT_EQ(again.running(), 0u);
  EXPECT_EQ(again.before_running(), 0u);
  again.resume(3);
  EXPECT_EQ(again.add({.who = "x", .origin = "file", .file = kFile}, "e"), 4u);
}

TEST_F(StartTest, NothingIsKeptWithoutAStore) {
  RevisionHistory none(nullptr, "no room");
  EXPECT_FALSE(none.is_kept());
  EXPECT_EQ(none.add({.who = "x"}, "a"), 0u);
  EXPECT_FALSE(none.has_writes());
  EXPECT_TRUE(none.all().empty());
}

TEST_F(StartTest, SaysWhyItCouldNotBeWritten) {
  history_.add({.who = "x", .origin = "file", .file = kFile}, "a");
  std::filesystem::remove_all(directory_.file("revisions"));
  const RevisionHistory::Written written = RevisionHistory::write(*store_, history_.take_writes());
  EXPECT_NE(written.why.find("1.yaml.new: No such file or directory"), std::string::npos)
      << written.why;
  EXPECT_EQ(written.lost, std::vector<uint64_t>{1});
  history_.lose(written.lost);
  EXPECT_FALSE(history_.has_text(1));
  history_.set_standing(1, Standing::kLeft);
  EXPECT_FALSE(history_.has_writes()) << "there is no text that it would be about";
}

}  // namespace
}  // namespace adit::start_test
