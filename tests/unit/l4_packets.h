// SPDX-License-Identifier: Apache-2.0
// Packets for the tests of what the load balancer does to them, and an oracle that reads a whole
// packet anew and sums everything from scratch.
#pragma once

#include "offload_frames.h"
#include "packet/flow_reader.h"
#include "rewrite/nat.h"

namespace adit {

constexpr uint8_t kTcpNumber = 6, kUdpNumber = 17, kSctpNumber = 132;

// Bit by bit, RFC 9260 appendix A; as it stands in the packet.
inline uint32_t naive_crc32c(const Bytes& bytes) {
  uint32_t crc = 0xffff'ffff;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f6'3b78 : 0);
  }
  return __builtin_bswap32(~crc);
}
inline uint32_t sctp_checksum(Bytes sctp) {
  put32(sctp, 8, 0);
  return naive_crc32c(sctp);
}

// The checksums of a packet, or of as much of it as an ICMP error holds. Empty: all right.
inline std::string fault_of(const Bytes& packet, bool embedded = false) {
  const bool v6 = packet.at(0) >> 4 == 6;
  Frame frame;
  frame.bytes = packet;
  frame.v6 = v6;
  frame.destination = v6 ? 24 : 16;
  frame.l4 = v6 ? 40 : (packet[0] & 15u) * 4;
  frame.protocol = packet.at(v6 ? 6 : 9);
  frame.end = v6 ? 40 + get16(packet, 4) : get16(packet, 2);
  while (v6 && (frame.protocol == 0 || frame.protocol == 60)) {
    frame.protocol = packet.at(frame.l4);
    frame.l4 += 8 + 8 * packet.at(frame.l4 + 1);
  }
  if (!v6 && frame.ip_sum() != 0xffff) return "IP header checksum";
  if (frame.end > packet.size()) return embedded ? "" : "length";
  const Bytes l4 = slice(packet, frame.l4, frame.end);
  switch (frame.protocol) {
    case kTcpNumber:
      return frame.l4_sum() == 0xffff ? "" : "TCP checksum";
    case kUdpNumber:
      if (get16(l4, 6) == 0) return v6 ? "no UDP checksum" : "";
      return frame.l4_sum() == 0xffff ? "" : "UDP checksum";
    case kSctpNumber:
      return get32(l4, 8) == sctp_checksum(l4) ? "" : "SCTP checksum";
    case 1: {
      if (naive_sum(l4) != 0xffff) return "ICMP checksum";
      const bool error = l4[0] == 3 || l4[0] == 11 || l4[0] == 12;
      return error ? fault_of(slice(l4, 8, l4.size()), true) : "";
    }
    case 58:
      if (frame.l4_sum() != 0xffff) return "ICMPv6 checksum";
      return l4[0] < 128 ? fault_of(slice(l4, 8, l4.size()), true) : "";
    default:
      return "";
  }
}

// What FrameMaker makes, without its Ethernet header; SCTP gets its checksum, and never is
// there an UDP checksum of zero.
inline Frame make_packet(FrameMaker& maker, const FrameShape& shape) {
  Frame frame = maker.make(shape);
  const std::size_t ethernet = frame.ip;
  frame.bytes.erase(frame.bytes.begin(), frame.bytes.begin() + static_cast<long>(ethernet));
  for (std::size_t* offset : {&frame.ip, &frame.l4, &frame.payload, &frame.end, &frame.destination})
    *offset -= ethernet;
  if (shape.protocol == kSctpNumber)
    put32(frame.bytes, frame.l4 + 8, sctp_checksum(slice(frame.bytes, frame.l4, frame.end)));
  if (shape.protocol == kUdpNumber && get16(frame.bytes, frame.l4 + 6) == 0)
    put16(frame.bytes, frame.l4 + 6, 0xffff);
  return frame;
}

// Of a TCP segment, with the checksum that follows.
inline void set_numbers(Frame& frame, uint32_t sequence, uint32_t acknowledgment) {
  put32(frame.bytes, frame.l4 + 4, sequence);
  put32(frame.bytes, frame.l4 + 8, acknowledgment);
  frame.finish_l4();
}

// Any shape that the load balancer takes. SCTP's payload has the rest of its header.
inline FrameShape random_l4_shape(FrameMaker& maker, unsigned most_payload) {
  FrameShape shape;
  constexpr uint8_t kProtocols[] = {kTcpNumber, kUdpNumber, kSctpNumber};
  shape.protocol = kProtocols[maker.below(3)];
  shape.v6 = maker.below(2) == 1;
  shape.ip_options = maker.below(2) == 0 ? 0 : 4 * maker.below(11);
  shape.extensions = maker.below(4);
  shape.tcp_options = 4 * maker.below(11);
  shape.payload = 8 + maker.below(most_payload);
  return shape;
}

// ICMP of IPv4 has no pseudo-header.
inline void finish_icmp(Frame& frame) {
  if (frame.v6) return frame.finish_l4();
  put16(frame.bytes, frame.l4 + 2, 0);
  put16(frame.bytes, frame.l4 + 2, ~naive_sum(slice(frame.bytes, frame.l4, frame.end)) & 0xffff);
}

// An error from a router to whom `about` came from, which holds `held` bytes of it.
inline Frame make_error(FrameMaker& maker, const Frame& about, std::size_t held, unsigned type,
                        unsigned code = 0, uint32_t word = 0) {
  FrameShape shape;
  shape.v6 = about.v6;
  shape.protocol = about.v6 ? 58 : 1;
  shape.payload = 0;
  Frame error = make_packet(maker, shape);
  Bytes& bytes = error.bytes;
  const std::size_t width = about.v6 ? 16 : 4, source = about.v6 ? 8 : 12;
  std::copy_n(about.bytes.begin() + static_cast<long>(source), width,
              bytes.begin() + static_cast<long>(source + width));
  put16(bytes, error.l4, type << 8 | code);
  put32(bytes, error.l4 + 4, word);
  append(bytes, slice(about.bytes, 0, held));
  error.end = bytes.size();
  put16(bytes, about.v6 ? 4 : 2, static_cast<unsigned>(about.v6 ? error.end - 40 : error.end));
  error.finish_ip();
  finish_icmp(error);
  return error;
}

inline Endpoint random_endpoint(FrameMaker& maker, bool v6) {
  Endpoint endpoint;
  endpoint.ipv6 = v6;
  const Bytes noise = maker.noise(18);
  if (v6)
    std::memcpy(&endpoint.address, noise.data(), 16);
  else
    std::memcpy(&endpoint.address.low, noise.data(), 4);
  std::memcpy(&endpoint.port, &noise[16], 2);
  return endpoint;
}
inline Bytes address_of(const Endpoint& endpoint) {
  Bytes bytes(endpoint.ipv6 ? 16 : 4);
  std::memcpy(bytes.data(),
              endpoint.ipv6 ? static_cast<const void*>(&endpoint.address) : &endpoint.address.low,
              bytes.size());
  return bytes;
}

}  // namespace adit
