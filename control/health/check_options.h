// SPDX-License-Identifier: Apache-2.0
// What can be said of a backend's health check, with defaults and ranges. The options are three
// parts, because a reload treats them differently (checker.h): what is asked, what is made of
// the answers, and how often.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adit/addr.h"

namespace adit {

enum class CheckKind : uint8_t { kTcp, kHttp, kHttps, kIcmp, kUdp, kDns, kCommand };

struct CheckKindInfo {
  std::string_view name;  // as in the YAML
  const char* help;
  bool needs_port;        // the backend's, or `port` of the check
  uint16_t default_port;  // that a URL or resolver need not tell; 0: it has none
};

inline constexpr std::array<CheckKindInfo, 7> kCheckKinds = {{
    {"tcp", "A TCP connection can be established.", true, 0},
    {"http", "GET answers with an expected status.", true, 80},
    {"https", "GET over TLS answers with an expected status.", true, 443},
    {"icmp", "An echo request is answered.", false, 0},
    {"udp", "A UDP datagram is answered, or at least not refused by ICMP.", true, 0},
    {"dns", "A name is resolved.", true, 53},
    {"command", "A program exits with 0.", false, 0},
}};

constexpr const CheckKindInfo& info_of(CheckKind kind) noexcept {
  return kCheckKinds[static_cast<size_t>(kind)];
}

// Visible ASCII: what may stand in a request line or a header without ending it.
constexpr bool is_visible_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

struct StatusRange {
  uint16_t first = 200;  // 100..599
  uint16_t last = 399;   // first..599
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

// `http:` of a check, for kinds http and https.
struct HttpCheck {
  std::string path = "/";  // 1..1024 of visible ASCII, from a slash on
  std::string host;        // up to 255 of visible ASCII; empty: address and port
  // 1..16 ranges; one status is a range of itself
  std::vector<StatusRange> status = std::vector<StatusRange>(1);
  std::string body;     // up to 1024 bytes that the body has; empty: any body
  std::string sni;      // up to 255; empty: `host` where that is a name
  bool verify = false;  // the certificate: its chain, and its name
  std::string ca_file;  // absolute path, PEM; empty: the system's authorities
  friend bool operator==(const HttpCheck&, const HttpCheck&) = default;
};

enum class Silence : uint8_t { kUp, kDown };

// `udp:` of a check.
struct UdpCheck {
  std::string payload;             // 0..1400 bytes
  std::string expect;              // up to 1400 bytes that the answer has; empty: any answer
  Silence silence = Silence::kUp;  // what it means that there is no answer
  friend bool operator==(const UdpCheck&, const UdpCheck&) = default;
};

// RFC 1035 section 3.2.2, RFC 3596, RFC 2782.
enum class DnsType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
};

struct DnsTypeInfo {
  std::string_view name;  // as in the YAML
  DnsType type;
};

inline constexpr std::array<DnsTypeInfo, 9> kDnsTypes = {{
    {"A", DnsType::kA},
    {"AAAA", DnsType::kAaaa},
    {"CNAME", DnsType::kCname},
    {"MX", DnsType::kMx},
    {"NS", DnsType::kNs},
    {"PTR", DnsType::kPtr},
    {"SOA", DnsType::kSoa},
    {"SRV", DnsType::kSrv},
    {"TXT", DnsType::kTxt},
}};

// `dns:` of a check.
struct DnsCheck {
  std::string name = ".";  // 1..253, a domain name
  DnsType type = DnsType::kSoa;
  friend bool operator==(const DnsCheck&, const DnsCheck&) = default;
};

// `command:` of a check. No shell reads it.
struct CommandCheck {
  std::string user = "nobody";    // an account of the host
  std::vector<std::string> argv;  // 1..32 words of up to 4096 bytes; the first is an absolute path
  friend bool operator==(const CommandCheck&, const CommandCheck&) = default;
};

// Which way a check goes. kPackets: as packets of clients go to the backend; kHost: by the routes
// of this host.
enum class CheckWay : uint8_t { kPackets, kHost };

// What is asked.
struct CheckQuestion {
  CheckKind kind = CheckKind::kTcp;
  CheckWay way = CheckWay::kPackets;  // kHost where there is a device or source
  std::optional<uint16_t> port;       // 1..65535; none: the backend's
  std::string device;                 // 1..15 bytes, an interface of the host; empty: as routes say
  std::optional<IpAddr> source;       // of the backend's family; none: as routes say
  HttpCheck http;
  UdpCheck udp;
  DnsCheck dns;
  CommandCheck command;
  friend bool operator==(const CheckQuestion&, const CheckQuestion&) = default;
};

// What a backend is before the first verdict.
enum class InitialState : uint8_t { kUp, kDown };

// `damping:` of a check: a backend that changes too often stays down for a while.
struct Damping {
  unsigned changes = 4;       // 2..100 within the window; 0: no damping
  unsigned window_s = 60;     // 1..86400
  unsigned hold_s = 30;       // 1..86400; doubles each time that it does not help
  unsigned max_hold_s = 600;  // hold_s..86400
  friend bool operator==(const Damping&, const Damping&) = default;
};

// What is made of the answers.
struct HealthRules {
  unsigned rise = 2;  // 1..100 successes in a row bring a backend up that is down
  unsigned fall = 3;  // 1..100 failures in a row bring it down
  // Up, so that a reload with new backends interrupts no service. With down, a backend gets no
  // connections before its first success. With both, the first success is a verdict.
  InitialState initial = InitialState::kUp;
  Damping damping;
  friend bool operator==(const HealthRules&, const HealthRules&) = default;
};

struct HealthOptions {
  CheckQuestion question;
  HealthRules rules;
  unsigned interval_ms = 2000;  // 100..3600000, from one check's start to the next's; +-10%
  unsigned timeout_ms = 1000;   // 10..interval_ms
  friend bool operator==(const HealthOptions&, const HealthOptions&) = default;
};

}  // namespace adit
