// SPDX-License-Identifier: Apache-2.0
#include "machine/runtime_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "temp_dir.h"

namespace adit {
namespace {

namespace fs = std::filesystem;

// A pid that was one, and is nobody's now.
pid_t gone_pid() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

void age(const fs::path& path) {
  const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), long_ago, 0), 0);
}

class Leftovers : public testing::Test {
 protected:
  fs::path folder(const std::string& name) {
    const fs::path path = fs::path(base()) / "dpdk" / name;
    fs::create_directories(path);
    return path;
  }
  fs::path folder_with_config(const std::string& name) {
    fs::path path = folder(name);
    std::ofstream(path / "config") << "x";
    return path;
  }
  std::string base() const { return directory_.file("base"); }

  TempDir directory_;
};

TEST_F(Leftovers, FolderOfAProcessThatIsGoneIsRemoved) {
  const std::string name = "adit-" + std::to_string(gone_pid());
  const fs::path path = folder_with_config(name);
  std::ofstream(path / "fbarray_memzone") << "x";
  EXPECT_EQ(remove_leftovers(base()), std::vector<std::string>{name});
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Leftovers, LockIsASignOfLifeWhateverThePid) {
  const fs::path path = folder_with_config("adit-" + std::to_string(gone_pid()));
  // A lock of our own would not be seen by ourselves.
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const int fd = open((path / "config").c_str(), O_RDWR);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    if (fcntl(fd, F_SETLK, &lock) == 0) (void)!write(ready[1], "x", 1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(remove_leftovers(base()).empty());
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  EXPECT_EQ(remove_leftovers(base()).size(), 1u);
}

TEST_F(Leftovers, PidThatIsSomebodyElsesByNowDoesNotKeepAnOldFolder) {
  const std::string name = "adit-" + std::to_string(getppid());
  const fs::path path = folder_with_config(name);
  EXPECT_TRUE(remove_leftovers(base()).empty()) << "it may just be starting";
  age(path);
  EXPECT_EQ(remove_leftovers(base()), std::vector<std::string>{name});
}

TEST_F(Leftovers, FolderWithoutConfigMayBeAboutToGetIt) {
  const std::string name = "adit-" + std::to_string(gone_pid());
  const fs::path path = folder(name);
  EXPECT_TRUE(remove_leftovers(base()).empty());
  age(path);
  EXPECT_EQ(remove_leftovers(base()), std::vector<std::string>{name});
}

TEST_F(Leftovers, NothingElseIsTouched) {
  for (const char* name : {"rte", "adit-", "adit-x", "adit-12x", "adit--5", "testpmd-4711"})
    age(folder_with_config(name));
  age(folder_with_config("adit-" + std::to_string(getpid())));
  const fs::path elsewhere = fs::path(base()) / "elsewhere";
  fs::create_directories(elsewhere);
  std::ofstream(elsewhere / "config") << "x";
  fs::create_directory_symlink(elsewhere,
                               fs::path(base()) / "dpdk" / ("adit-" + std::to_string(gone_pid())));
  EXPECT_TRUE(remove_leftovers(base()).empty());
  EXPECT_TRUE(fs::exists(elsewhere / "config"));
  EXPECT_TRUE(remove_leftovers(base() + "/not-there").empty());
}

}  // namespace
}  // namespace adit
