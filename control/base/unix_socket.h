// SPDX-License-Identifier: Apache-2.0
// The file of the API's socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace adit {

inline constexpr char kApiGroup[] = "adit";  // whose members may use the socket

// Whether a process accepts connections on the Unix socket `path`. Throws std::runtime_error
// if that cannot be found out (no permission).
bool socket_answers(const std::string& path);

// A listening Unix socket, mode 0660, of group kApiGroup if there is one. The destructor
// removes the file.
class ListeningSocket {
 public:
  // Creates the directory if it is missing, and replaces the socket of a daemon that died.
  // Throws std::runtime_error with a message for the operator, also if another process accepts
  // connections at `path`.
  explicit ListeningSocket(const std::string& path);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Whether the file was removed and not replaced.
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
