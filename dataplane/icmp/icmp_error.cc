// SPDX-License-Identifier: Apache-2.0
#include "icmp/icmp_error.h"

#include <algorithm>

#include "packet/checksum.h"
#include "packet/ip_packet.h"

namespace adit {
namespace {

constexpr unsigned kMostIpv4Bytes = 576;   // RFC 1812 section 4.3.2.3
constexpr unsigned kMostIpv6Bytes = 1280;  // RFC 4443 section 2.4 (c)

// The header of all errors. `word`: for "too big", IPv4 has the MTU in the lower 16 bits (RFC
// 1191), IPv6 in all 32.
struct IcmpError {
  uint8_t type, code;
  be16 checksum;
  be32 word;
};
static_assert(sizeof(IcmpError) == 8);

struct TypeAndCode {
  uint8_t type, code;
};

constexpr TypeAndCode type_and_code(IcmpProblem problem, bool ipv6) noexcept {
  switch (problem) {
    case IcmpProblem::kTooBig:
      return ipv6 ? TypeAndCode{2, 0} : TypeAndCode{3, 4};
    case IcmpProblem::kTimeExceeded:
      return ipv6 ? TypeAndCode{3, 0} : TypeAndCode{11, 0};
    case IcmpProblem::kReassemblyTime:
      return ipv6 ? TypeAndCode{3, 1} : TypeAndCode{11, 1};
    case IcmpProblem::kNoRoute:
      return ipv6 ? TypeAndCode{1, 0} : TypeAndCode{3, 0};
    case IcmpProblem::kHostUnreachable:
      return ipv6 ? TypeAndCode{1, 3} : TypeAndCode{3, 1};
    case IcmpProblem::kSourceRoute:
      return TypeAndCode{3, 5};
    case IcmpProblem::kParameter:
      return TypeAndCode{4, 0};
    case IcmpProblem::kPortUnreachable:
      break;
  }
  return ipv6 ? TypeAndCode{1, 4} : TypeAndCode{3, 3};
}

bool is_unicast_source(be32 ip) noexcept {
  const uint32_t first = ip.host() >> 24;
  return first != 0 && first != 127 && first < 224;
}

bool permitted_ipv4(const uint8_t* at, unsigned left) noexcept {
  const auto* ip = reinterpret_cast<const Ipv4Header*>(at);
  const unsigned header_len = (ip->version_ihl & 15u) * 4;
  if (ip->version_ihl >> 4 != 4 || header_len < sizeof *ip || header_len > left) return false;
  if ((ip->fragment.host() & kIpv4OffsetMask) != 0 || !is_unicast_source(ip->src) ||
      ip->dst.host() >> 28 >= 14)
    return false;
  if (ip->protocol != kIpProtocolIcmp) return true;
  if (header_len >= left) return false;
  const uint8_t type = at[header_len];
  return type == 0 || type == 8 || type >= 13;  // a query
}

bool permitted_ipv6(const uint8_t* at, unsigned left, IcmpProblem problem) noexcept {
  const auto* ip = reinterpret_cast<const Ipv6Header*>(at);
  constexpr uint8_t kFirstQuery = 128;
  IpPacket packet;
  // If the headers are truncated, only the first one can be judged.
  if (!read_ip_packet(at, left, UINT32_MAX, 0, packet)) {
    packet.l4 = sizeof *ip;
    packet.protocol = ip->next_header;
    packet.later_fragment = false;
  }
  // One error for a datagram is enough, but each fragment may be too big or malformed by itself.
  if (packet.later_fragment) {
    if (problem != IcmpProblem::kTooBig && problem != IcmpProblem::kParameter) return false;
  } else if (packet.protocol == kIpProtocolIcmpv6 &&
             (packet.l4 >= left || at[packet.l4] < kFirstQuery)) {
    return false;
  }
  if (ip->dst[0] == 0xff && problem != IcmpProblem::kTooBig) return false;
  return ip->src[0] != 0xff &&
         std::any_of(ip->src.begin(), ip->src.end(), [](uint8_t byte) { return byte != 0; });
}

// Both return the sum of the pseudo-header, which ICMP for IPv4 does not have.
uint64_t write_header(Ipv4Header* ip, const uint8_t* about, unsigned icmp_bytes,
                      const IpAddr* source) noexcept {
  const auto* original = reinterpret_cast<const Ipv4Header*>(about);
  *ip = {0x45,
         0,
         be16(static_cast<uint16_t>(sizeof *ip + icmp_bytes)),
         be16(0),
         be16(0),
         kReplyTtl,
         kIpProtocolIcmp,
         be16(0),
         source != nullptr ? source->as_v4() : original->dst,
         original->src};
  write_ipv4_checksum(ip);
  return 0;
}

uint64_t write_header(Ipv6Header* ip, const uint8_t* about, unsigned icmp_bytes,
                      const IpAddr* source) noexcept {
  const auto* original = reinterpret_cast<const Ipv6Header*>(about);
  *ip = {be32(uint32_t{6} << 28),
         be16(static_cast<uint16_t>(icmp_bytes)),
         kIpProtocolIcmpv6,
         kReplyTtl,
         source != nullptr ? source->bytes : original->dst,
         original->src};
  // A group address cannot be a source: the error has the sender's own address.
  if (ip->src[0] == 0xff) ip->src = original->src;
  return sum_words(ip->src.data(), 32) + be16(kIpProtocolIcmpv6).raw() + be32(icmp_bytes).raw();
}

template <class IpHeader>
rte_mbuf* build(Worker& worker, const rte_mbuf* about, unsigned offset, const IcmpError& error,
                const IpAddr* source, uint32_t most_bytes) noexcept {
  constexpr bool kIpv6 = sizeof(IpHeader) == sizeof(Ipv6Header);
  constexpr unsigned kHeaders = sizeof(IpHeader) + sizeof(IcmpError);
  const uint32_t most = std::min<uint32_t>(kIpv6 ? kMostIpv6Bytes : kMostIpv4Bytes, most_bytes);
  const unsigned quoted = std::min(about->pkt_len - offset, most - kHeaders);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(worker.pool);
  if (mbuf == nullptr) return nullptr;
  rte_mbuf_dynfield_copy(mbuf, about);
  auto* ip = reinterpret_cast<IpHeader*>(
      rte_pktmbuf_append(mbuf, static_cast<uint16_t>(kHeaders + quoted)));
  if (ip == nullptr) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  auto* icmp = reinterpret_cast<IcmpError*>(ip + 1);
  *icmp = error;
  copy_from_mbuf(reinterpret_cast<uint8_t*>(icmp + 1), about, offset, quoted);
  const unsigned icmp_bytes = unsigned{sizeof *icmp} + quoted;
  const uint64_t sum =
      write_header(ip, rte_pktmbuf_mtod_offset(about, const uint8_t*, offset), icmp_bytes, source) +
      sum_bytes(reinterpret_cast<const uint8_t*>(icmp), icmp_bytes);
  icmp->checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
  worker.counters.originated.add(1);
  return mbuf;
}

}  // namespace

bool icmp_error_permitted(const uint8_t* ip, unsigned left, bool ipv6,
                          IcmpProblem problem) noexcept {
  return ipv6 ? permitted_ipv6(ip, left, problem) : permitted_ipv4(ip, left);
}

rte_mbuf* make_icmp_error(Worker& worker, TenantId whose, const rte_mbuf* about, unsigned offset,
                          bool ipv6, IcmpProblem problem, unsigned word, const IpAddr* source,
                          uint32_t most_bytes) noexcept {
  if (!worker.icmp_meters[whose].allow(kIcmpErrorLimit, worker.now_ns)) return nullptr;
  const TypeAndCode kind = type_and_code(problem, ipv6);
  const IcmpError error{kind.type, kind.code, be16(0), be32(word)};
  return ipv6 ? build<Ipv6Header>(worker, about, offset, error, source, most_bytes)
              : build<Ipv4Header>(worker, about, offset, error, source, most_bytes);
}

}  // namespace adit
