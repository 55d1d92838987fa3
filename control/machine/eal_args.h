// SPDX-License-Identifier: Apache-2.0
// Arguments of DPDK's environment abstraction layer (EAL), computed from the configuration and the
// machine. Pure functions.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "machine/system_facts.h"

namespace adit {

// The device of a port as DPDK knows it.
struct NamedDevice {
  std::string name;  // "tap:NAME", else what rte_eth_dev_get_port_by_name knows it by
  std::string vdev;  // name and arguments, as after --vdev; empty: it is no such device
};
struct PortDevice : NamedDevice {
  std::vector<NamedDevice> members = {};  // of a bond, which is made when they are there
};

struct EalArgs {
  // For rte_eal_init, the program's name first, the user's own last.
  std::vector<std::string> args;
  std::vector<PortDevice> devices;  // by port, in the configuration's order
};

// `extra` are the user's; what they say about cores, memory, prefix or log level replaces
// what adit would have said. `pid` makes the file prefix unique.
EalArgs eal_args(const Config& config, const SystemFacts& facts, int pid,
                 const std::vector<std::string>& extra = {});

// Of a port that comes while DPDK runs. `taken`: names of devices; its own is added.
// Names that ports of the configuration give their vdevs themselves are added to `taken`.
void take_vdev_names(const Config& config, std::set<std::string>& taken);
PortDevice port_device(const PortConfig& port, const SystemFacts& facts, unsigned workers,
                       std::set<std::string>& taken);

// Workers for that many cores: as configured, else one per core but the first, at least one.
unsigned worker_count(const Config& config, size_t cores);

// Queues a port shall have: as configured, else one per worker. The device may have fewer.
unsigned rx_queue_count(const PortConfig& port, unsigned workers);
unsigned tx_queue_count(const PortConfig& port, unsigned workers);

// Packet buffers: as configured, else enough to fill all rings and caches, and for what tunnel
// kinds that are used may keep, and some.
unsigned mbuf_count(const Config& config, unsigned workers);

// Without which the configuration cannot work: of rings, those that hold buffers of the pool.
unsigned least_mbuf_count(const Config& config, unsigned workers);

// Data room of each, for rte_pktmbuf_pool_create: headroom, the largest frame of any port,
// and room for what a tunnel adds.
uint16_t mbuf_data_room_bytes(const Config& config);

// What mbuf_data_room_bytes adds to the largest mtu_bytes, before rounding up to 64.
unsigned mtu_overhead_bytes();

// Memory for DPDK: as configured, else for the buffers, the MAC table and the rest.
unsigned memory_mb(const Config& config, unsigned workers);

// Whether to run on hugepages: as configured; auto: if enough are free.
bool use_hugepages(const Config& config, const SystemFacts& facts);

}  // namespace adit
