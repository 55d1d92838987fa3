// SPDX-License-Identifier: Apache-2.0
#include "base/whole_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

#include "temp_dir.h"

namespace adit {
namespace {

class WholeFile : public testing::Test {
 protected:
  WholeFile() : folder_(open(directory_.file("").c_str(), O_RDONLY | O_DIRECTORY)) {}
  ~WholeFile() override { close(folder_); }
  TempDir directory_;
  int folder_;
};

TEST_F(WholeFile, IsReplacedAndReadAgain) {
  write_whole_file(folder_, "a", "first");
  write_whole_file(folder_, "a", std::string(200'000, 'x') + '\0');
  EXPECT_EQ(read_whole_file(folder_, "a"), std::string(200'000, 'x') + '\0');
  EXPECT_NE(faccessat(folder_, "a.new", F_OK, 0), 0) << "nothing is left beside";
}

TEST_F(WholeFile, StaysAsItWasWhereThereIsNoRoom) {
  write_whole_file(folder_, "a", "first");
  const auto former_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit former = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  const rlimit small = {1000, former.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(write_whole_file(folder_, "a", std::string(200'000, 'x')), std::system_error);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, former_handler);
  EXPECT_EQ(read_whole_file(folder_, "a"), "first");
  EXPECT_NE(faccessat(folder_, "a.new", F_OK, 0), 0) << "nothing is left beside";
}

TEST_F(WholeFile, ThatIsNotThereIsAnErrorWithItsName) {
  try {
    read_whole_file(folder_, "none");
    FAIL() << "it was read";
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "none: No such file or directory");
  }
}

}  // namespace
}  // namespace adit
