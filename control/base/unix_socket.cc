// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace adit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error("control socket " + path + ": " + what);
}

[[noreturn]] void fail_errno(const std::string& path, const char* call) {
  fail(path, std::string(call) + ": " + std::generic_category().message(errno));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    fail(path, "the path must have 1.." + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int open_socket(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail_errno(path, "socket");
  return fd;
}

void make_directory(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  if (parent.empty() || std::filesystem::exists(parent)) return;
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error) fail(path, "cannot make its directory: " + error.message());
  // Whatever the umask says: clients have to get through.
  if (chmod(parent.c_str(), 0755) != 0) fail_errno(path, "chmod of its directory");
}

void remove_stale(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    fail_errno(path, "lstat");
  }
  if (!S_ISSOCK(status.st_mode)) fail(path, "there is something else in its place; remove it");
  if (socket_answers(path))
    fail(path, "another daemon answers there; stop it, or give this one its own system.socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) fail_errno(path, "unlink of the stale file");
}

std::optional<gid_t> api_group() {
  const group* entry = getgrnam(kApiGroup);
  if (entry == nullptr) return std::nullopt;
  return entry->gr_gid;
}

// No client may connect between bind and chmod: the file is created without permissions.
void bind_closed(int fd, const std::string& path, const sockaddr_un& address) {
  const mode_t former = umask(0777);
  const int rc = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(former);
  errno = error;
  if (rc != 0) fail_errno(path, "bind");
}

}  // namespace

bool socket_answers(const std::string& path) {
  const sockaddr_un address = address_of(path);
  const int fd = open_socket(path);
  const int rc = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = rc == 0 ? 0 : errno;
  close(fd);
  // A full backlog is a sign of life.
  if (error == 0 || error == EAGAIN || error == EINPROGRESS) return true;
  if (error == ECONNREFUSED || error == ENOENT || error == ENOTSOCK) return false;
  fail(path, "cannot find out whether it is in use: " + std::generic_category().message(error));
}

ListeningSocket::ListeningSocket(const std::string& path) : path_(path) {
  const sockaddr_un address = address_of(path);
  make_directory(path);
  remove_stale(path);
  fd_ = open_socket(path);
  try {
    bind_closed(fd_, path, address);
    struct stat status;
    if (lstat(path.c_str(), &status) != 0) fail_errno(path, "lstat");
    device_ = status.st_dev;
    inode_ = status.st_ino;
    // Without the privilege to give it away, its owner alone may use it.
    if (const auto gid = api_group())
      if (chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0 && errno != EPERM)
        fail_errno(path, "chown");
    if (listen(fd_, SOMAXCONN) != 0) fail_errno(path, "listen");
    if (chmod(path.c_str(), 0660) != 0) fail_errno(path, "chmod");
  } catch (...) {
    close(fd_);
    throw;
  }
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
  struct stat status;
  if (lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    unlink(path_.c_str());
}

bool ListeningSocket::is_gone() const noexcept {
  struct stat status;
  return lstat(path_.c_str(), &status) != 0 && errno == ENOENT;
}

int ListeningSocket::release_fd() noexcept {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

}  // namespace adit
