// SPDX-License-Identifier: Apache-2.0
// Every reason for which a packet may be dropped. A dropped packet is counted exactly
// once, under one of these names; the help text is what operators read.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace adit {

// clang-format off
#define ADIT_DROP_REASONS(X)                                                                     \
  X(runt_frame,            "frame is shorter than its Ethernet header or VLAN tag")              \
  X(vlan_not_member,       "VLAN is nobody's at this port, or somebody else's on the way out")   \
  X(vlan_in_network,       "tagged frame in a network that does not carry VLANs")                \
  X(not_our_mac,           "destination MAC is not that of the port")                            \
  X(ether_type_unknown,    "EtherType that the underlay does not support")                       \
  X(ip_truncated,          "frame ends inside the IP header")                                    \
  X(ip_version,            "version field of the IP header is wrong")                            \
  X(ip_header_length,      "IHL below 5 or beyond the frame")                                    \
  X(ip_total_length,       "IP total length below the header or beyond the frame")               \
  X(ip_checksum,           "IP header checksum is wrong")                                        \
  X(ip_source,             "IP source is not a unicast address, or is our own")                  \
  X(ip_not_local,          "IP destination is not one of our addresses")                         \
  X(ip_fragment,           "fragment for us that is not reassembled (RFC 7348 4.3 permits that)")\
  X(ip_reassembly,         "reassembly timed out: fragments of the packet are missing")          \
  X(fragment_duplicate,    "duplicate of a fragment that is being reassembled")                  \
  X(fragment_overlap,      "fragments of one packet overlap (RFC 5722)")                         \
  X(fragment_length,       "fragment is empty, no multiple of 8 bytes, or ends beyond 64 KiB")   \
  X(fragment_evicted,      "table or memory of IP reassembly is full")                           \
  X(ip_extensions,         "IPv6 extension headers are malformed, too many, or source routing")  \
  X(ip_protocol_unknown,   "IP protocol is not supported")                                       \
  X(nd_malformed,          "neighbour discovery fails the checks of RFC 4861 7.1")               \
  X(nd_not_for_us,         "neighbour discovery to, or about, an address that is not ours")      \
  X(icmp_truncated,        "frame ends inside the ICMP header")                                  \
  X(icmp_checksum,         "ICMP checksum is wrong")                                             \
  X(icmp_embedded,         "ICMP error quotes too little of a packet to find its connection")    \
  X(icmp_untranslatable,   "ICMP has no counterpart in the other IP version (RFC 7915)")         \
  X(icmp_ignored,          "ICMP other than an echo request for us")                             \
  X(tunnel_undelivered,    "ICMP error, not too big, for a packet that we sent to a remote")     \
  X(arp_malformed,         "ARP is truncated, or not for Ethernet and IPv4")                     \
  X(arp_not_for_us,        "ARP for an address that is not ours")                                \
  X(arp_sender,            "ARP sender is not an address that a host on the link can have")      \
  X(address_conflict,      "another host uses our address, by its ARP or neighbour discovery")   \
  X(ip_source_route,       "IPv4 source route to a backend of IPv6 (RFC 7915 4.1)")              \
  X(udp_truncated,         "frame ends inside the UDP header")                                   \
  X(udp_length,            "UDP length below 8 or beyond the IP packet")                         \
  X(udp_checksum,          "UDP checksum is wrong")                                              \
  X(udp_port_closed,       "UDP port on which no tunnel listens")                                \
  X(tcp_truncated,         "packet ends inside the TCP header, or its data offset is below 5")   \
  X(tcp_options,           "TCP options are malformed: numbers in them cannot be translated")    \
  X(tcp_syn_data,          "SYN has data, so no PROXY protocol header can precede it (RFC 7413)")\
  X(sctp_truncated,        "packet ends inside the SCTP header or that of its first chunk")      \
  X(stt_truncated,         "packet ends inside an STT header, or its data offset is below 5")    \
  X(stt_port,              "TCP for us, but not to the STT port")                                \
  X(stt_checksum,          "checksum of the STT segment is wrong")                               \
  X(stt_empty,             "STT segment without payload")                                        \
  X(stt_length,            "STT frame is shorter than Ethernet, or a segment ends beyond it")    \
  X(stt_duplicate,         "STT segment duplicates or overlaps one of its frame")                \
  X(stt_length_differs,    "STT segments of one frame disagree about its length")                \
  X(stt_segments,          "STT frame needs more buffers than reassembly supports")              \
  X(stt_expired,           "STT reassembly timed out: segments of the frame are missing")        \
  X(stt_evicted,           "table or memory of STT reassembly is full")                          \
  X(stt_no_room,           "buffer has no room to make the headers of an STT frame contiguous")  \
  X(stt_version,           "version of the STT frame header is not 0")                           \
  X(stt_flags,             "STT checksum is both verified and partial, or partial without L4")  \
  X(vxlan_truncated,       "packet ends inside the VXLAN header")                                \
  X(vxlan_no_vni,          "VXLAN flag I is clear (RFC 7348 5)")                                 \
  X(gre_truncated,         "packet ends inside the GRE header")                                  \
  X(gre_flags,             "GRE version or flags are invalid by RFC 2784")                       \
  X(gre_checksum,          "GRE checksum is wrong")                                              \
  X(gre_sequence,          "GRE sequence number is not newer than the last (RFC 2890 2.2)")      \
  X(gre_sequence_missing,  "GRE sequence number is missing, though configured for the remote")   \
  X(geneve_truncated,      "packet ends inside the Geneve header or its options")                \
  X(geneve_version,        "Geneve version is not 0")                                            \
  X(geneve_critical,       "Geneve critical option is not supported (RFC 8926 3.4)")             \
  X(tunnel_payload,        "tunnel payload is of no supported type, or not what its header says")\
  X(tunnel_id_unknown,     "no network has this VNI, VSID, key or context id")                   \
  X(remote_unknown,        "sender is not a remote of the network, nor a tunnel of a VRF")       \
  X(inner_runt,            "inner frame is shorter than an Ethernet header")                     \
  X(ecn_illegal,           "outer CE on a not-ECT inner packet (RFC 6040 section 4.2)")          \
  X(not_routable,          "to or from a multicast, loopback, link-local or broadcast address")     \
  X(ttl_expired,           "TTL or hop limit of a routed packet expired")                        \
  X(service_unknown,       "no service of the virtual address has this protocol and port")       \
  X(no_backend,            "no backend of the service takes new connections")                    \
  X(connection_unknown,    "packet of a service matches no connection and cannot begin one")     \
  X(connections_full,      "the worker's connection table is full")                              \
  X(connections_share,     "the service or VRF has its whole share of the connection table")     \
  X(service_rate,          "new connections are above the service's rate limit")                 \
  X(source_rate,           "new connections of this source are above the service's rate limit")  \
  X(connection_collides,   "another connection has the same addresses and ports at the backend") \
  X(templates_full,        "the worker's table of persistence entries is full")                  \
  X(local_ports_full,      "no free local address and port for full NAT was found")              \
  X(handover_full,         "the ring to the worker of the connection has no room for this VRF")  \
  X(no_route,              "the VRF has no route to the destination")                            \
  X(source_mac_invalid,    "source MAC is multicast, zero, or our own in ARP or ND")             \
  X(gateway_mac,           "source MAC is that of the network's gateway")                        \
  X(link_local_multicast,  "01:80:c2:00:00:0X: a bridge never forwards it (802.1Q 8.6.3)")       \
  X(destination_is_source, "destination is behind the port or remote that the frame came from")  \
  X(split_horizon,         "both ends are remotes of one split-horizon group")                   \
  X(flood_no_member,       "flooded frame, but no other member or remote may get it")            \
  X(broadcast_limit,       "broadcast rate is above the network's limit")                        \
  X(multicast_limit,       "multicast rate is above the network's limit")                        \
  X(unknown_unicast_limit, "unknown unicast rate is above the network's limit")                  \
  X(mtu_exceeded,          "packet is larger than the MTU of the egress port, tunnel or path")   \
  X(offload_malformed,     "headers do not fit the requested checksum or GSO offload")           \
  X(no_headroom,           "buffer has no headroom for the tunnel header")                       \
  X(no_buffer,             "buffer pool is empty")                                               \
  X(neighbour_unresolved,  "next hop did not answer ARP or neighbour discovery in time")         \
  X(neighbour_queue_full,  "too many packets wait for next hops to be resolved")                 \
  X(tx_full,               "transmit queue of the port is full")                                 \
  X(punt_limit,            "packets for control are above the tenant's rate limit")              \
  X(punt_full,             "queue to control is full, or the tenant has its share of it")        \
  X(link_down,             "link of the egress port is down, or the port is gone")
// clang-format on

enum class DropReason : uint8_t {
#define ADIT_ENUM(name, help) k_##name,
  ADIT_DROP_REASONS(ADIT_ENUM)
#undef ADIT_ENUM
      kNone,  // not dropped; behind all others, so that it is their number
};

inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kNone);

struct DropReasonText {
  std::string_view name;
  std::string_view help;
};

inline constexpr std::array<DropReasonText, kDropReasonCount> kDropReasons = {{
#define ADIT_TEXT(name, help) {#name, help},
    ADIT_DROP_REASONS(ADIT_TEXT)
#undef ADIT_TEXT
}};

}  // namespace adit
