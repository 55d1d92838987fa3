// SPDX-License-Identifier: Apache-2.0
// The file of the API's socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace adit {

inline constexpr char kApiGroup[] = "adit";  // whose members may use the socket

// Whether a process accepts connections on the Unix socket `path`. Throws std::runtime_error
// when that cannot be told (no permission).
bool socket_answers(const std::string& path);

// A listening Unix socket, mode 0660, of group kApiGroup if there is one. The file goes
// with the object.
class ListeningSocket {
 public:
  // Makes the directory if it is missing and replaces what a daemon that died left behind.
  // Throws std::runtime_error with a sentence for the operator, also when somebody answers
  // at `path` already.
  explicit ListeningSocket(const std::string& path);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Whether somebody has removed the file, and put nothing in its place.
  bool is_gone() const noexcept;

  int fd() const noexcept { return fd_; }
  // Hands the descriptor over; the file stays ours.
  int release_fd() noexcept;

 private:
  std::string path_;
  int fd_ = -1;
  dev_t device_ = 0;  // of the file, so that we never remove another's
  ino_t inode_ = 0;
};

}  // namespace adit
