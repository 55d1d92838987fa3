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
  X(vlan_not_member,       "neither a network nor a VRF has this VLAN of the port")               \
  X(vlan_in_network,       "tagged frame in a network that does not carry VLANs")                \
  X(not_our_mac,           "destination MAC is not that of the underlay port")                   \
  X(ether_type_unknown,    "EtherType that the underlay does not speak")                         \
  X(ip_truncated,          "frame ends inside the IP header")                                    \
  X(ip_version,            "version field of the IP header is wrong")                            \
  X(ip_header_length,      "IHL below 5 or beyond the frame")                                    \
  X(ip_total_length,       "IP total length below the header or beyond the frame")               \
  X(ip_checksum,           "IP header checksum is wrong")                                        \
  X(ip_source,             "IP source is no unicast address, or one of our own")                 \
  X(ip_not_local,          "IP destination is none of our addresses")                            \
  X(ip_fragment,           "fragment of a packet for us (a VTEP may drop it, RFC 7348 4.3)")     \
  X(ip_reassembly,         "fragments that stayed without the rest of their packet for too long") \
  X(fragment_duplicate,    "copy of a fragment that waits for the rest")                         \
  X(fragment_overlap,      "fragments that overlap others of their packet (RFC 5722)")           \
  X(fragment_length,       "fragment that is empty, no multiple of 8, or ends beyond 64 KiB")    \
  X(fragment_evicted,      "fragments that gave way: too many wait for the rest")                \
  X(ip_extensions,         "IPv6 extension headers that are wrong, too many, or route by themselves") \
  X(ip_protocol_unknown,   "IP protocol that nothing here speaks")                               \
  X(nd_malformed,          "neighbour discovery that RFC 4861 7.1 tells to drop")                \
  X(nd_not_for_us,         "neighbour discovery about or to an address that is none of ours")     \
  X(icmp_truncated,        "frame ends inside the ICMP header")                                  \
  X(icmp_checksum,         "ICMP checksum is wrong")                                             \
  X(icmp_embedded,         "ICMP error that does not hold enough of a packet to tell its connection") \
  X(icmp_untranslatable,   "ICMP that has no counterpart in the other IP version (RFC 7915)")    \
  X(icmp_ignored,          "ICMP other than an echo request for us")                             \
  X(tunnel_undelivered,    "ICMP error, other than too big, about a packet that we sent to a remote")  \
  X(arp_malformed,         "ARP that is truncated or not Ethernet and IPv4")                     \
  X(arp_not_for_us,        "ARP for an address that is none of ours")                            \
  X(arp_sender,            "ARP from an address that no host on the link can have")              \
  X(address_conflict,      "ARP or neighbour discovery of another host that uses our address")   \
  X(udp_truncated,         "frame ends inside the UDP header")                                   \
  X(udp_length,            "UDP length below 8 or beyond the IP packet")                         \
  X(udp_checksum,          "UDP checksum is wrong")                                              \
  X(udp_port_closed,       "UDP port on which no tunnel listens")                                \
  X(tcp_truncated,         "packet ends inside the TCP header, or its data offset is below 5")    \
  X(tcp_options,           "TCP options that are wrong, where numbers in them have to be changed")  \
  X(tcp_syn_data,          "SYN with data, before which no PROXY protocol header fits (RFC 7413)") \
  X(sctp_truncated,        "packet ends inside the SCTP header or that of its first chunk")       \
  X(stt_truncated,         "packet ends inside an STT header, or its data offset is below 5")    \
  X(stt_port,              "TCP, and not to the port of STT")                                    \
  X(stt_checksum,          "checksum of the STT segment is wrong")                               \
  X(stt_empty,             "STT segment without payload")                                        \
  X(stt_length,            "STT frame too short for Ethernet, or segment beyond its frame")      \
  X(stt_duplicate,         "STT segment that repeats or overlaps what its frame has")            \
  X(stt_length_differs,    "STT segment whose frame length is not that of its frame")            \
  X(stt_segments,          "STT frame in more buffers than reassembly takes")                    \
  X(stt_expired,           "STT frame that was not complete in time")                            \
  X(stt_evicted,           "STT frame that gave way: too much waits for reassembly")             \
  X(stt_no_room,           "buffer too full to bring the headers of an STT frame together")      \
  X(stt_version,           "version of the STT frame header is not 0")                           \
  X(stt_flags,             "STT checksum both verified and partial, or partial without L4")      \
  X(vxlan_truncated,       "packet ends inside the VXLAN header")                                \
  X(vxlan_no_vni,          "VXLAN flag I is clear (RFC 7348 5)")                                 \
  X(gre_truncated,         "packet ends inside the GRE header")                                  \
  X(gre_flags,             "GRE version or flags that RFC 2784 refuses")                         \
  X(gre_checksum,          "GRE checksum is wrong")                                              \
  X(gre_sequence,          "GRE sequence number is not newer than the last (RFC 2890 2.2)")      \
  X(gre_sequence_missing,  "GRE packet without a number, of a remote that numbers them")         \
  X(geneve_truncated,      "packet ends inside the Geneve header or its options")                \
  X(geneve_version,        "Geneve version other than 0")                                        \
  X(geneve_critical,       "Geneve option that must be understood, and is not (RFC 8926 3.4)")   \
  X(tunnel_payload,        "tunnel carries neither Ethernet nor IP, or what it does not say")    \
  X(tunnel_id_unknown,     "no network has this VNI, VSID, key or context id")                   \
  X(remote_unknown,        "sender is no configured remote of the network")                      \
  X(inner_runt,            "inner frame is shorter than an Ethernet header")                     \
  X(ecn_illegal,           "outer CE on a not-ECT inner packet (RFC 6040 section 4.2)")     \
  X(not_routable,          "source or destination is a group, or an address of the link alone")  \
  X(ttl_expired,           "time to live (hop limit) of a routed packet ran out")                \
  X(service_unknown,       "no service of the virtual address has this protocol and port")       \
  X(no_backend,            "no backend of the service takes new connections")                    \
  X(connection_unknown,    "packet to or from a service that belongs to no connection and begins none") \
  X(connections_full,      "the worker's connection table is full")                              \
  X(connections_share,     "its service or VRF holds its share of the worker's connection table")  \
  X(service_rate,          "new connection beyond the service's limit")                          \
  X(source_rate,           "new connection beyond the service's limit for one source")           \
  X(connection_collides,   "its addresses and ports at the backend are another connection's")    \
  X(templates_full,        "the worker's table of persistence entries is full")                \
  X(local_ports_full,      "no free local address and port for full NAT was found")              \
  X(handover_full,         "the ring to the worker that has the connection is full")             \
  X(no_route,              "no route of the VRF leads to the destination")                       \
  X(source_mac_invalid,    "source MAC is a group address, zero, or our own in ARP or ND")                \
  X(gateway_mac,           "source MAC is that of the network's own gateway")                    \
  X(link_local_multicast,  "01:80:c2:00:00:0X: a bridge never forwards it (802.1Q 8.6.3)")       \
  X(destination_is_source, "destination lies where the frame came from")                         \
  X(split_horizon,         "both ends are remotes of one split-horizon group")                   \
  X(flood_no_member,       "flooded frame with no other member to go to")                        \
  X(broadcast_limit,       "broadcast beyond the network's limit")                               \
  X(multicast_limit,       "multicast beyond the network's limit")                               \
  X(unknown_unicast_limit, "unknown unicast beyond the network's limit")                         \
  X(mtu_exceeded,          "frame does not fit the MTU of its way out")                          \
  X(offload_malformed,     "frame whose headers do not fit the checksum or segments it asks for") \
  X(no_headroom,           "no room before the frame for the tunnel header")                     \
  X(no_buffer,             "buffer pool is empty")                                               \
  X(neighbour_unresolved,  "next hop did not answer ARP in time")                                \
  X(neighbour_queue_full,  "too many packets wait for next hops")                                \
  X(tx_full,               "transmit queue of the port is full")                                 \
  X(punt_limit,            "beyond the rate at which control takes a tenant's packets")           \
  X(punt_full,             "control takes no packets just now, or has that tenant's share waiting") \
  X(link_down,             "link of the port to leave by is down, or the port is gone")
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
