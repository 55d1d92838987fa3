// SPDX-License-Identifier: Apache-2.0
// The header of the PROXY protocol, version 2, of connections that a proxy makes for itself, such
// as health checks (section 2.2 of its specification: LOCAL).
#pragma once

#include <sys/socket.h>

#include <array>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstdint>

namespace adit {

inline constexpr std::array<uint8_t, 16> kLocalProxyHeader = {
    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n', 0x20, 0, 0, 0};

// On a connection that was just made, which has room for so few bytes.
inline void send_proxy_header(int socket, boost::system::error_code& error) noexcept {
  const auto sent = send(socket, kLocalProxyHeader.data(), kLocalProxyHeader.size(), MSG_NOSIGNAL);
  if (sent < 0)
    error.assign(errno, boost::system::system_category());
  else if (static_cast<size_t>(sent) != kLocalProxyHeader.size())
    error.assign(ENOBUFS, boost::system::system_category());
}

}  // namespace adit
