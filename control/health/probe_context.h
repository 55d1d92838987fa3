// SPDX-License-Identifier: Apache-2.0
// What probes share: TLS settings, which are dear to make, and what must be unique or counted
// over all of them.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

// Of OpenSSL only this is named here: its headers are for the one file that needs them.
namespace boost::asio::ssl {
class context;
}

namespace adit {

class PacketWay;  // packet_way.h

class ProbeContext {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  using Tls = std::shared_ptr<boost::asio::ssl::context>;

  // `now`: by which probes are timed out. `way`: null where all checks go by the host's routes.
  ProbeContext(boost::asio::io_context& io, Now now, PacketWay* way = nullptr)
      : io_(io), now_(std::move(now)), way_(way), random_(std::random_device()()) {}

  boost::asio::io_context& io() noexcept { return io_; }
  std::chrono::steady_clock::time_point now() const { return now_(); }
  PacketWay* packet_way() const noexcept { return way_; }
  std::mt19937& random() noexcept { return random_; }

  // Another number for each echo request.
  uint32_t next_echo() noexcept { return ++echo_; }

  // Made once for each pair, and again when the file has another time. Throws what is a
  // std::runtime_error.
  Tls tls(bool verify, const std::string& ca_file);

  struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // Looked up once for each name; none: there is no such account (yet).
  std::optional<Account> account(const std::string& name);

  // Processes that are not reaped yet: a killed one may hang in the kernel.
  static constexpr size_t kMaxChildren = 1024;
  size_t children = 0;

 private:
  struct TlsEntry {
    int64_t file_time_ns = 0;
    Tls tls;
  };

  boost::asio::io_context& io_;
  const Now now_;
  PacketWay* const way_;
  std::mt19937 random_;
  uint32_t echo_ = static_cast<uint32_t>(random_());
  std::map<std::pair<bool, std::string>, TlsEntry> tls_;
  std::map<std::string, Account> accounts_;
};

}  // namespace adit
