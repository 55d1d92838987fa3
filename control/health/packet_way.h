// SPDX-License-Identifier: Apache-2.0
// The way that packets of clients take, for checks: a network namespace in which each backend has
// an alias, an address whose packets adit's workers carry to the backend.
#pragma once

#include <array>
#include <functional>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

class PacketWay {
 public:
  virtual ~PacketWay() = default;
  // As socket(2) does, in the namespace; or the negative of an error of errno.
  virtual int open_socket(int family, int type, int protocol) = 0;
  // Runs the function in the namespace, and returns when it is done.
  virtual void run(const std::function<void()>& function) = 0;
};

// RFC 6598; and a unique local prefix (RFC 4193). Nothing else is in the namespace.
inline constexpr uint32_t kFirstAlias4 = 100u << 24 | 64u << 16;
inline constexpr uint8_t kAliasBits4 = 10, kAliasBits6 = 64;
inline constexpr std::array<uint8_t, 16> kFirstAlias6 = {0xfd, 0x61, 0x64, 0x69, 0x74};
static_assert(kMaxBackends < 1u << 21);

inline IpAddr alias_of(BackendId backend, IpFamily family) noexcept {
  if (family == IpFamily::kV4) return IpAddr::v4(be32(kFirstAlias4 + backend));
  IpAddr alias{kFirstAlias6, IpFamily::kV6};
  for (unsigned i = 0; i < 4; ++i) alias.bytes[15 - i] = static_cast<uint8_t>(backend >> (8 * i));
  return alias;
}

// The namespace's own address, from which checks come there.
inline IpAddr own_of_aliases(IpFamily family) noexcept {
  return alias_of(1u << 21, family);
}

// 0: it is none.
inline BackendId backend_of_alias(const IpAddr& alias) noexcept {
  BackendId backend = 0;
  if (alias.is_v4())
    backend = alias.as_v4().host() - kFirstAlias4;
  else
    for (unsigned i = 12; i < 16; ++i) backend = backend << 8 | alias.bytes[i];
  return backend <= kMaxBackends && alias_of(backend, alias.family) == alias ? backend : 0;
}

}  // namespace adit
