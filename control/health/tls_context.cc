// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <stdexcept>

#include "health/probe_context.h"

namespace adit {
namespace {

// More than that are left over from former configurations.
constexpr size_t kMaxKept = 64;

// 0: there is none, or it is unknown; reading the file will say why.
int64_t file_time_ns(const std::string& path) {
  struct stat status;
  if (path.empty() || stat(path.c_str(), &status) != 0) return 0;
  return int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// OpenSSL would wait for a pipe's writer, and with it all of control. What is not there it says
// itself.
void check_kind(const std::string& path) {
  constexpr off_t kMaxBytes = 16 << 20;
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return;
  if (!S_ISREG(status.st_mode)) throw std::runtime_error(path + " is not a regular file");
  if (status.st_size > kMaxBytes) throw std::runtime_error(path + " is larger than 16 MiB");
}

ProbeContext::Tls make_tls(bool verify, const std::string& ca_file) {
  namespace ssl = boost::asio::ssl;
  auto tls = std::make_shared<ssl::context>(ssl::context::tls_client);
  if (!verify) return tls;
  if (ca_file.empty()) {
    tls->set_default_verify_paths();
  } else {
    check_kind(ca_file);
    tls->load_verify_file(ca_file);
  }
  return tls;
}

}  // namespace

ProbeContext::Tls ProbeContext::tls(bool verify, const std::string& ca_file) {
  const std::pair key(verify, verify ? ca_file : std::string());
  const int64_t time_ns = file_time_ns(key.second);
  const auto found = tls_.find(key);
  if (found != tls_.end() && found->second.file_time_ns == time_ns) return found->second.tls;
  Tls tls = make_tls(verify, key.second);
  if (tls_.size() >= kMaxKept) tls_.clear();
  tls_[key] = {time_ns, tls};
  return tls;
}

}  // namespace adit
