/* SPDX-License-Identifier: Apache-2.0 */
/* What the XDP program (steering.bpf.c) and control share: keys and values of its maps. In C. */
#ifndef ADIT_STEERING_KEYS_H
#define ADIT_STEERING_KEYS_H

#include <linux/types.h>

/* What becomes of a VLAN's frames; index 0: of those without a tag, and of priority tags. */
enum steering_mode {
  STEERING_TO_KERNEL = 0, /* all of them */
  STEERING_TO_ADIT = 1,   /* all of them: a member of a network */
  STEERING_BY_ADDRESS = 2
};

struct steering_scope {
  __u8 mode;
  __u8 has_router; /* adit answers router solicitations there */
};

/* What an endpoint is compared with. */
enum steering_side {
  STEERING_DESTINATION = 0,
  STEERING_SOURCE = 1,   /* of a backend's replies */
  STEERING_FRAGMENT = 2, /* source of a backend's fragments, which have no ports; the port is 0 */
  STEERING_SOLICITED = 3 /* targets of neighbour solicitations alone; protocol and port are 0 */
};

/* Of the hash `endpoints`: what is adit's. Protocol 0: all protocols, and ARP and neighbour
   discovery; port 0: all ports of the protocol. */
struct steering_endpoint {
  __u8 address[16]; /* ::ffff:a.b.c.d for IPv4 */
  __be16 port;
  __u16 vlan;
  __u8 protocol;
  __u8 side;
  __u8 zero[2];
};

/* Of the trie `prefixes`: destinations behind adit, and of the host itself. */
struct steering_prefix {
  __u32 length_bits; /* of what follows */
  __be16 vlan;
  __u8 address[16];
} __attribute__((packed));
#define STEERING_VLAN_BITS 16

enum steering_owner { STEERING_OWNER_ADIT = 1, STEERING_OWNER_KERNEL = 2 };

/* Of the array `own`, which has one element. */
struct steering_own {
  __u8 mac[6];
};

/* Index of the array `counters`: packets by what was decided. STEERING_NO_SOCKET counts some of
   them again: they were adit's, which had no socket there, and went to the kernel. */
enum steering_reason {
  STEERING_NETWORK,
  STEERING_NEIGHBOUR,
  STEERING_ADDRESS,
  STEERING_SERVICE,
  STEERING_REPLY,
  STEERING_ROUTE,
  STEERING_KERNEL,
  STEERING_NO_SOCKET,
  STEERING_REASONS
};

enum {
  STEERING_MAX_SOCKETS = 64,
  STEERING_VLANS = 4096,
  STEERING_MAX_ENDPOINTS = 1 << 19,
  STEERING_MAX_PREFIXES = 1 << 20
};

#endif
