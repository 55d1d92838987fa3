// SPDX-License-Identifier: Apache-2.0
#include "health/file_weakness.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace adit {
namespace {

namespace fs = std::filesystem;

// Empty, or why others can change it.
std::string weakness_of(const fs::path& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) return {};
  if (status.st_uid != 0 && status.st_uid != geteuid())
    return path.string() + " belongs to user " + std::to_string(status.st_uid);
  // In a folder with the sticky bit nobody can replace what belongs to others.
  if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0) return {};
  if ((status.st_mode & S_IWOTH) != 0) return path.string() + " is writable by everybody";
  if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0 && status.st_gid != getegid())
    return path.string() + " is writable by group " + std::to_string(status.st_gid);
  return {};
}

std::string weakness_of_way(fs::path path) {
  for (;;) {
    if (std::string why = weakness_of(path); !why.empty()) return why;
    if (!path.has_relative_path()) return {};
    path = path.parent_path();
  }
}

}  // namespace

std::string file_weakness(const std::string& path) {
  if (std::string why = weakness_of_way(path); !why.empty()) return why;
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real && path != real.get() ? weakness_of_way(real.get()) : std::string();
}

bool may_change_account() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  constexpr uint32_t kNeeded = 1U << CAP_SETUID | 1U << CAP_SETGID;
  return (data[0].effective & kNeeded) == kNeeded;
}

}  // namespace adit
