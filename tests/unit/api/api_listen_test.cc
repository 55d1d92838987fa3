// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/unix_socket.h"
#include "temp_dir.h"

namespace adit {
namespace {

bool can_connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const int rc = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  close(fd);
  return rc == 0;
}

std::string complaint_about(const std::string& path) {
  try {
    ListeningSocket socket(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "none";
}

TEST(ListeningSocket, IsOpenToOwnerAndGroupOnly) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  const ListeningSocket socket(path);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, mode_t{0660});
  const group* entry = getgrnam(kApiGroup);
  if (entry != nullptr && geteuid() == 0) {
    EXPECT_EQ(status.st_gid, entry->gr_gid);
  }
  EXPECT_TRUE(can_connect(path));
}

TEST(ListeningSocket, MakesItsDirectoryWhateverTheUmask) {
  const TempDir directory;
  const mode_t former = umask(0077);
  const ListeningSocket socket(directory.file("run/adit.sock"));
  umask(former);
  struct stat status;
  ASSERT_EQ(stat(directory.file("run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, mode_t{0755});
}

TEST(ListeningSocket, TakesItsFileAlong) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  { const ListeningSocket socket(path); }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ListeningSocket, ReplacesAStaleFile) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  {
    const ListeningSocket dead(path);
    // What is left of a daemon that was killed: a file that nobody listens at.
    std::filesystem::create_hard_link(path, directory.file("kept"));
  }
  std::filesystem::rename(directory.file("kept"), path);
  ASSERT_FALSE(can_connect(path));
  const ListeningSocket socket(path);
  EXPECT_TRUE(can_connect(path));
}

TEST(ListeningSocket, LeavesALiveOneAlone) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  const ListeningSocket socket(path);
  EXPECT_NE(complaint_about(path).find("another daemon answers there"), std::string::npos);
  EXPECT_TRUE(can_connect(path));
}

TEST(ListeningSocket, LeavesAnotherFileAlone) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  std::ofstream(path) << "precious";
  EXPECT_NE(complaint_about(path).find("something else"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST(ListeningSocket, DoesNotRemoveASuccessorsFile) {
  const TempDir directory;
  const std::string path = directory.file("adit.sock");
  auto first = std::make_unique<ListeningSocket>(path);
  std::filesystem::remove(path);
  const ListeningSocket second(path);
  first.reset();
  EXPECT_TRUE(can_connect(path));
}

TEST(ListeningSocket, RefusesAPathThatDoesNotFit) {
  EXPECT_NE(complaint_about("/tmp/" + std::string(200, 'x')).find("1..107 bytes"),
            std::string::npos);
}

}  // namespace
}  // namespace adit
