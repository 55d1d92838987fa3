// SPDX-License-Identifier: Apache-2.0
#include "health/dns_message.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <strings.h>

#include <array>
#include <string_view>

namespace adit {
namespace {

std::string rcode_name(int rcode) {
  // RFC 1035 section 4.1.1, RFC 2136 section 2.2.
  constexpr std::array<const char*, 11> kNames = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                  "NXRRSET", "NOTAUTH", "NOTZONE"};
  const auto index = static_cast<size_t>(rcode);
  return index < kNames.size() ? kNames[index] : "rcode " + std::to_string(rcode);
}

// Parsed names have no final dot, but for the root, which is "" or ".".
std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool same_name(std::string_view a, std::string_view b) {
  a = without_dot(a);
  b = without_dot(b);
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool repeats_question(ns_msg& message, const DnsCheck& check) {
  ns_rr record;
  return ns_msg_count(message, ns_s_qd) == 1 && ns_parserr(&message, ns_s_qd, 0, &record) == 0 &&
         ns_rr_type(record) == static_cast<uint16_t>(check.type) &&
         ns_rr_class(record) == ns_c_in && same_name(ns_rr_name(record), check.name);
}

}  // namespace

std::vector<uint8_t> dns_query(const DnsCheck& check, uint16_t id) {
  std::vector<uint8_t> query(NS_PACKETSZ);
  const int size =
      res_mkquery(ns_o_query, check.name.c_str(), ns_c_in, static_cast<int>(check.type), nullptr, 0,
                  nullptr, query.data(), static_cast<int>(query.size()));
  if (size < NS_HFIXEDSZ) return {};
  query.resize(static_cast<size_t>(size));
  // libc's own ids are for its own sockets.
  query[0] = static_cast<uint8_t>(id >> 8);
  query[1] = static_cast<uint8_t>(id);
  return query;
}

std::optional<DnsAnswer> read_dns_answer(std::span<const uint8_t> message, const DnsCheck& check,
                                         uint16_t id) {
  constexpr size_t kFlags = 2;
  constexpr uint8_t kResponse = 0x80;
  if (message.size() < NS_HFIXEDSZ) return std::nullopt;
  if ((message[0] << 8 | message[1]) != id || (message[kFlags] & kResponse) == 0)
    return std::nullopt;
  ns_msg parsed;
  if (ns_initparse(message.data(), static_cast<int>(message.size()), &parsed) != 0)
    return DnsAnswer{false, "the answer is malformed"};
  const int rcode = ns_msg_getflag(parsed, ns_f_rcode);
  // A server that refuses may leave the question out.
  const bool bare = ns_msg_count(parsed, ns_s_qd) == 0 && rcode != ns_r_noerror;
  if (!bare && !repeats_question(parsed, check)) return std::nullopt;
  if (rcode != ns_r_noerror) return DnsAnswer{false, rcode_name(rcode)};
  const unsigned count = ns_msg_count(parsed, ns_s_an);
  if (count == 0) return DnsAnswer{false, "NOERROR, but no answer record"};
  ns_rr record;
  if (ns_parserr(&parsed, ns_s_an, 0, &record) != 0)
    return DnsAnswer{false, "the answer is malformed"};
  return DnsAnswer{true, "NOERROR, answer records: " + std::to_string(count)};
}

}  // namespace adit
