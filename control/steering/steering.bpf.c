/* SPDX-License-Identifier: Apache-2.0 */
/* The XDP program of an `af_xdp:` port: what is adit's goes to its sockets, all else to the kernel.
   Control fills the maps (steering_maps.h); while they are empty, the kernel gets everything. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steering_keys.h"

/* By the name that DPDK's driver looks for: it puts its sockets there, by receive queue. */
struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, STEERING_MAX_SOCKETS);
  __type(key, __u32);
  __type(value, __u32);
} xsks_map SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, STEERING_VLANS);
  __type(key, __u32);
  __type(value, struct steering_scope);
} scopes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, STEERING_MAX_ENDPOINTS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct steering_endpoint);
  __type(value, __u8);
} endpoints SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, STEERING_MAX_PREFIXES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct steering_prefix);
  __type(value, __u8);
} prefixes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct steering_own);
} own SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, STEERING_REASONS);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

struct vlan_tag {
  __be16 tci;
  __be16 type;
};

struct arp_message { /* RFC 826, with Ethernet and IPv4 addresses */
  __be16 hardware, protocol;
  __u8 hardware_bytes, protocol_bytes;
  __be16 operation;
  __u8 sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
};

struct ipv4_header {
  __u8 version_ihl, tos;
  __be16 total, id, fragment;
  __u8 ttl, protocol;
  __be16 checksum;
  __u8 source[4], destination[4];
};

struct ipv6_header {
  __be32 version_class_flow;
  __be16 payload;
  __u8 next, hop_limit;
  __u8 source[16], destination[16];
};

struct extension_header { /* RFC 8200 section 4; of 8 bytes and more */
  __u8 next, length;
  __be16 fragment;
  __u8 rest[4];
};

struct solicitation { /* of a neighbour */
  __u8 type, code;
  __be16 checksum;
  __be32 reserved;
  __u8 target[16];
};

enum {
  HOP_BY_HOP = 0,
  ROUTING = 43,
  FRAGMENT = 44,
  DESTINATION_OPTIONS = 60,
  ICMP4_UNREACHABLE = 3,
  ICMP4_EXCEEDED = 11,
  ICMP4_PARAMETER = 12,
  ICMP6_FIRST_ECHO = 128, /* types below are errors (RFC 4443 section 2.1) */
  ICMP6_SOLICIT_ROUTER = 133,
  ICMP6_SOLICIT = 135,
  MOST_EXTENSIONS = 8,
  MOST_TAGS = 4, /* that of a VLAN, and priority tags before and behind it */
  FRAGMENT_OFFSET = 0x1fff, /* IPv4, in host order */
  FRAGMENT_OFFSET6 = 0xfff8
};

/* An IP packet as far as it was read. */
struct packet {
  __u8 source[16], destination[16]; /* ::ffff:a.b.c.d for IPv4 */
  __u32 payload;                    /* where; 0: not there, or not the first fragment */
  __be16 source_port, destination_port;
  __u8 protocol;
  bool ipv6;
  bool has_ports;
};

/* False: the frame ends before. */
static __always_inline bool load(struct xdp_md* context, __u32 at, void* to, __u32 bytes) {
  return bpf_xdp_load_bytes(context, at, to, bytes) == 0;
}

static __always_inline void count(__u32 reason) {
  __u64* counter = bpf_map_lookup_elem(&counters, &reason);
  if (counter != NULL) ++*counter;
}

static __always_inline int to_kernel(void) {
  count(STEERING_KERNEL);
  return XDP_PASS;
}

static __always_inline int to_adit(struct xdp_md* context, __u32 reason) {
  count(reason);
  const long action = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
  if (action != XDP_REDIRECT) count(STEERING_NO_SOCKET);
  return (int)action;
}

static __always_inline void map_ipv4(__u8* to, const __u8* address) {
  __builtin_memset(to, 0, 10);
  to[10] = to[11] = 0xff;
  __builtin_memcpy(to + 12, address, 4);
}

static __always_inline bool is_ours(__u8 side, const __u8* address, __u8 protocol, __be16 port,
                                    __u16 vlan) {
  struct steering_endpoint key = {};
  __builtin_memcpy(key.address, address, sizeof key.address);
  key.port = port;
  key.vlan = vlan;
  key.protocol = protocol;
  key.side = side;
  return bpf_map_lookup_elem(&endpoints, &key) != NULL;
}

static __always_inline bool is_own_address(const __u8* address, __u16 vlan) {
  return is_ours(STEERING_DESTINATION, address, 0, 0, vlan);
}

/* One port of the protocol, or all of them. */
static __always_inline bool has_port(__u8 side, const __u8* address, __u8 protocol, __be16 port,
                                     __u16 vlan) {
  return is_ours(side, address, protocol, port, vlan) ||
         is_ours(side, address, protocol, 0, vlan);
}

static __always_inline void read_ports(struct xdp_md* context, struct packet* packet) {
  __be16 ports[2];
  packet->has_ports = false;
  if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP &&
      packet->protocol != IPPROTO_SCTP)
    return;
  if (packet->payload == 0 || !load(context, packet->payload, ports, sizeof ports)) return;
  packet->source_port = ports[0];
  packet->destination_port = ports[1];
  packet->has_ports = true;
}

/* These are verified by themselves, not once more for every way that leads to them. 0: it is no
   such packet. */
__attribute__((noinline)) int read_ipv4(struct xdp_md* context, struct packet* packet, __u32 at) {
  struct ipv4_header ip;
  if (packet == NULL || !load(context, at, &ip, sizeof ip) || ip.version_ihl >> 4 != 4) return 0;
  const __u32 bytes = (ip.version_ihl & 15) * 4;
  if (bytes < sizeof ip) return 0;
  packet->ipv6 = false;
  packet->protocol = ip.protocol;
  map_ipv4(packet->source, ip.source);
  map_ipv4(packet->destination, ip.destination);
  packet->payload = (bpf_ntohs(ip.fragment) & FRAGMENT_OFFSET) != 0 ? 0 : at + bytes;
  read_ports(context, packet);
  return 1;
}

__attribute__((noinline)) int read_ipv6(struct xdp_md* context, struct packet* packet, __u32 at) {
  struct ipv6_header ip;
  if (packet == NULL || !load(context, at, &ip, sizeof ip)) return 0;
  packet->ipv6 = true;
  __builtin_memcpy(packet->source, ip.source, sizeof packet->source);
  __builtin_memcpy(packet->destination, ip.destination, sizeof packet->destination);
  packet->protocol = ip.next;
  packet->payload = at + sizeof ip;
  for (int i = 0; i < MOST_EXTENSIONS; ++i) {
    const __u8 kind = packet->protocol;
    struct extension_header extension;
    if (kind != HOP_BY_HOP && kind != ROUTING && kind != FRAGMENT && kind != DESTINATION_OPTIONS)
      break;
    if (packet->payload == 0 || !load(context, packet->payload, &extension, sizeof extension)) {
      packet->payload = 0;
      break;
    }
    packet->protocol = extension.next;
    if (kind == FRAGMENT && (bpf_ntohs(extension.fragment) & FRAGMENT_OFFSET6) != 0)
      packet->payload = 0;
    else
      packet->payload += kind == FRAGMENT ? 8 : (extension.length + 1) * 8;
  }
  read_ports(context, packet);
  return 1;
}

/* The packet that an ICMP error is about: 8 bytes past the error's begin. */
static __always_inline bool read_quoted(struct xdp_md* context, struct packet* quoted,
                                        const struct packet* error) {
  __u8 type;
  const bool is_icmp = error->protocol == (error->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  if (!is_icmp || error->payload == 0 || !load(context, error->payload, &type, sizeof type))
    return false;
  if (error->ipv6)
    return type < ICMP6_FIRST_ECHO && read_ipv6(context, quoted, error->payload + 8) != 0 &&
           quoted->has_ports;
  return (type == ICMP4_UNREACHABLE || type == ICMP4_EXCEEDED || type == ICMP4_PARAMETER) &&
         read_ipv4(context, quoted, error->payload + 8) != 0 && quoted->has_ports;
}

static __always_inline int steer_arp(struct xdp_md* context, __u32 at, __u16 vlan) {
  struct arp_message arp;
  __u8 target[16];
  if (!load(context, at, &arp, sizeof arp) || arp.protocol != bpf_htons(ETH_P_IP) ||
      arp.protocol_bytes != 4 || arp.hardware_bytes != 6)
    return to_kernel();
  map_ipv4(target, arp.target_ip);
  return is_own_address(target, vlan) ? to_adit(context, STEERING_NEIGHBOUR) : to_kernel();
}

/* Solicitations of routers and of our addresses, whose groups others may share. */
static __always_inline bool is_solicitation(struct xdp_md* context, const struct packet* packet,
                                            __u16 vlan, bool has_router) {
  struct solicitation message; /* RFC 4861 section 4.3 */
  if (!packet->ipv6 || packet->protocol != IPPROTO_ICMPV6 || packet->payload == 0 ||
      !load(context, packet->payload, &message.type, sizeof message.type))
    return false;
  if (message.type == ICMP6_SOLICIT_ROUTER) return has_router;
  return message.type == ICMP6_SOLICIT &&
         load(context, packet->payload, &message, sizeof message) &&
         (is_own_address(message.target, vlan) ||
          is_ours(STEERING_SOLICITED, message.target, 0, 0, vlan));
}

static __always_inline __u8 owner_of(const struct packet* packet, __u16 vlan) {
  struct steering_prefix key = {.length_bits = STEERING_VLAN_BITS + 128, .vlan = bpf_htons(vlan)};
  __builtin_memcpy(key.address, packet->destination, sizeof key.address);
  const __u8* owner = bpf_map_lookup_elem(&prefixes, &key);
  return owner != NULL ? *owner : 0;
}

static __always_inline int steer_ip(struct xdp_md* context, const struct packet* packet, __u16 vlan,
                                    bool is_to_us, bool has_router) {
  struct packet quoted = {};
  if (is_solicitation(context, packet, vlan, has_router))
    return to_adit(context, STEERING_NEIGHBOUR);
  if (is_own_address(packet->destination, vlan)) return to_adit(context, STEERING_ADDRESS);
  if (packet->has_ports && has_port(STEERING_DESTINATION, packet->destination, packet->protocol,
                                    packet->destination_port, vlan))
    return to_adit(context, STEERING_SERVICE);
  const bool is_error = read_quoted(context, &quoted, packet);
  if (is_error && has_port(STEERING_DESTINATION, quoted.source, quoted.protocol,
                           quoted.source_port, vlan))
    return to_adit(context, STEERING_SERVICE);
  if (!is_to_us) return to_kernel();
  const __u8 owner = owner_of(packet, vlan);
  if (owner == STEERING_OWNER_ADIT) return to_adit(context, STEERING_ROUTE);
  if (owner == STEERING_OWNER_KERNEL) return to_kernel();
  if (packet->payload == 0 && is_ours(STEERING_FRAGMENT, packet->source, packet->protocol, 0, vlan))
    return to_adit(context, STEERING_REPLY);
  if (packet->has_ports && has_port(STEERING_SOURCE, packet->source, packet->protocol,
                                    packet->source_port, vlan))
    return to_adit(context, STEERING_REPLY);
  if (is_error && has_port(STEERING_SOURCE, quoted.destination, quoted.protocol,
                           quoted.destination_port, vlan))
    return to_adit(context, STEERING_REPLY);
  return to_kernel();
}

static __always_inline bool is_same_mac(const __u8* a, const __u8* b) {
  bool same = true;
#pragma unroll
  for (int i = 0; i < ETH_ALEN; ++i) same &= a[i] == b[i];
  return same;
}

SEC("xdp")
int adit_steering(struct xdp_md* context) {
  struct ethhdr ethernet;
  struct packet packet = {};
  __u32 vlan = 0, at = sizeof ethernet;
  const __u32 zero = 0;
  const struct steering_own* us = bpf_map_lookup_elem(&own, &zero);
  if (us == NULL || !load(context, 0, &ethernet, sizeof ethernet)) return to_kernel();
  __be16 type = ethernet.h_proto;
  for (int i = 0; i < MOST_TAGS && type == bpf_htons(ETH_P_8021Q); ++i) {
    struct vlan_tag tag;
    if (!load(context, at, &tag, sizeof tag)) return to_kernel();
    const __u32 id = bpf_ntohs(tag.tci) & 0xfff;
    if (id != 0 && vlan != 0) break; /* of a tagged frame in a VLAN */
    vlan |= id;
    type = tag.type;
    at += sizeof tag;
  }
  const struct steering_scope* scope = bpf_map_lookup_elem(&scopes, &vlan);
  if (scope == NULL || scope->mode == STEERING_TO_KERNEL) return to_kernel();
  if (scope->mode == STEERING_TO_ADIT) return to_adit(context, STEERING_NETWORK);
  if (type == bpf_htons(ETH_P_ARP)) return steer_arp(context, at, vlan);
  if (type == bpf_htons(ETH_P_IP) ? read_ipv4(context, &packet, at) == 0
                                  : type != bpf_htons(ETH_P_IPV6) ||
                                        read_ipv6(context, &packet, at) == 0)
    return to_kernel();
  return steer_ip(context, &packet, vlan, is_same_mac(ethernet.h_dest, us->mac),
                  scope->has_router != 0);
}

char program_license[] SEC("license") = "Apache-2.0";
