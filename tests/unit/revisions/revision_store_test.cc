// SPDX-License-Identifier: Apache-2.0
#include "revisions/revision_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

#include "temp_dir.h"

namespace adit::revision_store_test {
namespace {

Revision revision(uint64_t number) {
  return {number,
          1'700'000'000,
          "uid:0,pid:7",
          "file",
          "/etc/adit/adit.yaml",
          Standing::kGood,
          2,
          {"networks.red.vni: 100 -> 101", "ports.up \"x\": added"}};
}

class Store : public testing::Test {
 protected:
  TempDir directory_;
  const std::string folder_ = directory_.file("state/revisions");
};

TEST_F(Store, KeepsWhatItWasGiven) {
  {
    RevisionStore store(folder_);
    EXPECT_TRUE(store.list().empty());
    EXPECT_EQ(store.highest(), 0u);
    store.save(revision(1), "ports: {}\n# \xff, and a\0 byte");
    store.save(revision(2), "");
    Revision left = revision(1);
    left.standing = Standing::kLeft;
    store.update(left);
  }
  RevisionStore store(folder_);
  const std::vector<Revision> all = store.list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].standing, Standing::kLeft);
  EXPECT_EQ(all[1], revision(2));
  EXPECT_EQ(store.text(1), "ports: {}\n# \xff, and a\0 byte");
  EXPECT_EQ(store.text(2), "");
  EXPECT_THROW(store.text(3), std::runtime_error);
}

TEST_F(Store, RemovesTheOldest) {
  RevisionStore store(folder_);
  for (uint64_t number = 1; number <= RevisionStore::kMost + 3; ++number)
    store.save(revision(number), "x");
  const std::vector<Revision> all = store.list();
  ASSERT_EQ(all.size(), RevisionStore::kMost);
  EXPECT_EQ(all.front().number, 4u);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 2 * RevisionStore::kMost + 1) << "and the lock";
}

TEST_F(Store, LeavesAloneWhatItCannotRead) {
  {
    RevisionStore store(folder_);
    store.save(revision(1), "x");
    store.save(revision(2), "y");
    store.save(revision(3), "z");
  }
  directory_.write("state/revisions/1.json", "{\"number\": 1");  // torn, as no crash leaves it
  std::filesystem::remove(folder_ + "/2.yaml");
  directory_.write("state/revisions/12.json.new", "{");  // a crash in the middle of writing
  directory_.write("state/revisions/07.json", "{}");
  directory_.write("state/revisions/notes.txt", "the operator's");
  RevisionStore store(folder_);
  std::vector<std::string> damaged;
  const std::vector<Revision> all = store.list(&damaged);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].number, 3u);
  EXPECT_EQ(damaged, (std::vector<std::string>{folder_ + "/1.json", folder_ + "/2.json"}));
  EXPECT_EQ(store.highest(), 3u);
}

TEST_F(Store, IsOneProcessesAlone) {
  const RevisionStore store(folder_);
  try {
    const RevisionStore second(folder_);
    FAIL() << "two have it";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("--state-dir"), std::string::npos) << error.what();
  }
}

TEST_F(Store, NeedsAFolder) {
  directory_.write("state", "a file");
  EXPECT_THROW(RevisionStore{folder_}, std::runtime_error);
}

}  // namespace
}  // namespace adit::revision_store_test
