// SPDX-License-Identifier: Apache-2.0
// Headers of wire formats. All have alignment 1; fields are in network byte order.
#pragma once

#include <cstdint>

#include "adit/addr.h"
#include "adit/byte_order.h"

namespace adit {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeQinq = 0x88a8;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

inline constexpr uint8_t kIpProtocolIcmp = 1;
inline constexpr uint8_t kIpProtocolIpv4 = 4;
inline constexpr uint8_t kIpProtocolTcp = 6;
inline constexpr uint8_t kIpProtocolUdp = 17;
inline constexpr uint8_t kIpProtocolIpv6 = 41;
inline constexpr uint8_t kIpProtocolFragment = 44;  // IPv6's fragment header
inline constexpr uint8_t kIpProtocolGre = 47;
inline constexpr uint8_t kIpProtocolIcmpv6 = 58;
inline constexpr uint8_t kIpProtocolDestinationOptions = 60;  // IPv6's header of that name
inline constexpr uint8_t kIpProtocolSctp = 132;

inline constexpr uint8_t kReplyTtl = 64;  // of packets that adit originates

struct EthernetHeader {
  MacAddr dst;
  MacAddr src;
  be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14);

// What follows the source MAC when the type is 0x8100: TCI and the type of the rest.
struct VlanTag {
  be16 tci;  // PCP(3) DEI(1) VID(12)
  be16 ether_type;
};
static_assert(sizeof(VlanTag) == 4);
inline constexpr uint16_t kVlanIdMask = 0x0fff;

// RFC 791 section 3.1
struct Ipv4Header {
  uint8_t version_ihl;
  uint8_t tos;  // DSCP(6) ECN(2)
  be16 total_length;
  be16 id;
  be16 fragment;  // flags(3) offset(13)
  uint8_t ttl;
  uint8_t protocol;
  be16 checksum;
  be32 src;
  be32 dst;
};
static_assert(sizeof(Ipv4Header) == 20);
inline constexpr uint16_t kIpv4DontFragment = 0x4000;
inline constexpr uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr uint16_t kIpv4OffsetMask = 0x1fff;

// RFC 8200 section 3
struct Ipv6Header {
  be32 version_class_label;  // version(4) class(8) flow label(20)
  be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  std::array<uint8_t, 16> src;
  std::array<uint8_t, 16> dst;
};
static_assert(sizeof(Ipv6Header) == 40);

// RFC 768
struct UdpHeader {
  be16 src_port;
  be16 dst_port;
  be16 length;
  be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// RFC 9293 section 3.1
struct TcpHeader {
  be16 src_port;
  be16 dst_port;
  be32 sequence;
  be32 acknowledgment;
  uint8_t data_offset;  // header length(4), in 4 bytes; reserved(4)
  uint8_t flags;
  be16 window;
  be16 checksum;
  be16 urgent;
};
static_assert(sizeof(TcpHeader) == 20);
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;
inline constexpr uint8_t kTcpUrg = 0x20;
inline constexpr uint8_t kTcpCwr = 0x80;

// RFC 826, for Ethernet and IPv4
struct ArpPacket {
  be16 hardware_type;  // 1
  be16 protocol_type;  // 0x0800
  uint8_t hardware_len;
  uint8_t protocol_len;
  be16 operation;  // 1 request, 2 reply
  MacAddr sender_mac;
  be32 sender_ip;
  MacAddr target_mac;
  be32 target_ip;
};
static_assert(sizeof(ArpPacket) == 28);

// RFC 9260 section 3.1, with what each chunk begins with
struct SctpHeader {
  be16 src_port;
  be16 dst_port;
  be32 verification_tag;
  std::array<uint8_t, 4> checksum;  // CRC32c, least significant byte first
  uint8_t chunk_type;
  uint8_t chunk_flags;
  be16 chunk_length;
};
static_assert(sizeof(SctpHeader) == 16);
inline constexpr unsigned kSctpCommonHeaderLen = 12;

// RFC 792 and RFC 4443: what every message begins with. `word` depends on the type.
struct IcmpHeader {
  uint8_t type;
  uint8_t code;
  be16 checksum;
  be32 word;
};
static_assert(sizeof(IcmpHeader) == 8);

// RFC 792, echo and echo reply
struct IcmpEcho {
  uint8_t type;
  uint8_t code;
  be16 checksum;
  be16 id;
  be16 sequence;
};
static_assert(sizeof(IcmpEcho) == 8);

// RFC 7348 section 5
struct VxlanHeader {
  uint8_t flags;
  uint8_t reserved[3];
  be32 vni_reserved;  // VNI(24) reserved(8)
};
static_assert(sizeof(VxlanHeader) == 8);
inline constexpr uint8_t kVxlanFlagVni = 0x08;

// RFC 2784 section 2, RFC 2890 section 2. Then, in this order and where their flags say so:
// checksum(16) reserved(16), key(32), sequence(32).
struct GreHeader {
  be16 flags;
  be16 protocol;
};
static_assert(sizeof(GreHeader) == 4);
inline constexpr uint16_t kGreChecksum = 0x8000;
inline constexpr uint16_t kGreKey = 0x2000;
inline constexpr uint16_t kGreSequence = 0x1000;
inline constexpr uint16_t kGreVersionMask = 0x0007;
// RFC 2784 section 2.3: bits 1 to 5 must be zero, bits 6 to 12 are ignored. Two of them have
// a meaning again since RFC 2890; left are RFC 1701's routing, strict source route and the
// first bit of recursion control.
inline constexpr uint16_t kGreUnsupported = 0x4c00;
inline constexpr uint16_t kEtherTypeBridged = 0x6558;  // transparent Ethernet bridging

// RFC 7637 section 3.2: GRE with a key and nothing else; the key is VSID(24) FlowID(8).
struct NvgreHeader {
  GreHeader gre;
  be32 vsid_flow;
};
static_assert(sizeof(NvgreHeader) == 8);

// RFC 8926 section 3.4
struct GeneveHeader {
  uint8_t version_length;  // version(2) length of the options(6), in 4 bytes
  uint8_t flags;           // control(1) critical options(1) reserved(6)
  be16 protocol;
  be32 vni_reserved;  // VNI(24) reserved(8)
};
static_assert(sizeof(GeneveHeader) == 8);
inline constexpr uint8_t kGeneveControl = 0x80;
inline constexpr uint8_t kGeneveCritical = 0x40;

}  // namespace adit
