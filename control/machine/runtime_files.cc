// SPDX-License-Identifier: Apache-2.0
#include "machine/runtime_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string_view>

namespace adit {
namespace {

namespace fs = std::filesystem;

// A process takes the lock as soon as it has made the file.
constexpr time_t kStartsWithinS = 60;

// The pid in "adit-PID"; 0: it is another name.
pid_t pid_of(std::string_view name) {
  constexpr std::string_view kPrefix = "adit-";
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc() && end == name.data() + name.size() && pid > 0 ? pid : 0;
}

enum class Lock { kHeld, kFree, kNoFile };

Lock lock_of(const fs::path& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? Lock::kNoFile : Lock::kHeld;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool asked = fcntl(fd, F_GETLK, &lock) == 0;
  close(fd);
  return asked && lock.l_type == F_UNLCK ? Lock::kFree : Lock::kHeld;
}

bool is_left_over(const fs::path& folder, pid_t pid) {
  struct stat status;
  if (pid == getpid() || lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return false;
  const Lock lock = lock_of(folder / "config");
  if (lock == Lock::kHeld) return false;
  const bool pid_is_free = kill(pid, 0) != 0 && errno == ESRCH;
  const bool may_be_starting = time(nullptr) - status.st_mtime < kStartsWithinS;
  // Without the file, only the pid is known; with it, the pid may be of another process by now.
  return lock == Lock::kFree ? pid_is_free || !may_be_starting : pid_is_free && !may_be_starting;
}

}  // namespace

std::string dpdk_runtime_base() {
  if (const char* given = std::getenv("RUNTIME_DIRECTORY"); given != nullptr) return given;
  if (getuid() == 0) return "/var/run";
  const char* own = std::getenv("XDG_RUNTIME_DIR");
  return own != nullptr ? own : "/tmp";
}

std::vector<std::string> remove_leftovers(const std::string& base) {
  std::vector<std::string> removed;
  std::error_code error;
  std::vector<fs::path> folders;
  for (fs::directory_iterator it(fs::path(base) / "dpdk", error), end; !error && it != end;
       it.increment(error))
    folders.push_back(it->path());
  for (const fs::path& folder : folders) {
    const pid_t pid = pid_of(folder.filename().native());
    if (pid == 0 || !is_left_over(folder, pid)) continue;
    fs::remove_all(folder, error);
    if (!error) removed.push_back(folder.filename());
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

}  // namespace adit
