// SPDX-License-Identifier: Apache-2.0
#include "base/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace adit {
namespace {

constexpr mode_t kOwnerAndGroup = 0640;  // a configuration may hold what is not for everybody

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class File {
 public:
  File(int folder, const std::string& name, int flags)
      : name_(name), fd_(openat(folder, name.c_str(), flags | O_CLOEXEC, kOwnerAndGroup)) {
    if (fd_ < 0) throw_errno(name);
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view content) const {
    while (!content.empty()) {
      const ssize_t written = ::write(fd_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_errno(name_);
      content.remove_prefix(static_cast<size_t>(written));
    }
    if (fsync(fd_) != 0) throw_errno(name_);
  }

  std::string read() const {
    std::string content;
    std::array<char, 65536> part;
    for (;;) {
      const ssize_t size = ::read(fd_, part.data(), part.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) throw_errno(name_);
      if (size == 0) return content;
      content.append(part.data(), static_cast<size_t>(size));
    }
  }

 private:
  const std::string& name_;
  int fd_;
};

}  // namespace

void write_whole_file(int folder, const std::string& name, std::string_view content) {
  const std::string beside = name + ".new";
  try {
    File(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW).write(content);
    if (renameat(folder, beside.c_str(), folder, name.c_str()) != 0) throw_errno(name);
  } catch (...) {
    unlinkat(folder, beside.c_str(), 0);
    throw;
  }
  if (fsync(folder) != 0) throw_errno(name);
}

std::string read_whole_file(int folder, const std::string& name) {
  return File(folder, name, O_RDONLY | O_NOFOLLOW).read();
}

}  // namespace adit
