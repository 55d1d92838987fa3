// SPDX-License-Identifier: Apache-2.0
// What the machine is like, as far as adit needs to know before DPDK starts. Gathered in one
// place, so that those who judge by it (preflight, EAL arguments) are pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace adit {

struct InterfaceFacts {
  std::string name;
  bool is_up = false;
  bool carries_default_route = false;  // itself, or a bridge, bond or VLAN on top of it
  unsigned rx_queues = 1;              // of the driver, that DPDK can use by AF_XDP
  unsigned all_rx_queues = 1;          // on which the kernel receives
  bool forwards = false;               // the kernel, what comes by it, in either IP version
};

struct PciFacts {
  std::string address;                  // "0000:01:00.0"
  std::string driver;                   // kernel driver that it is bound to; empty: none
  std::vector<std::string> interfaces;  // network interfaces of the kernel on it
  std::string vfio_device;  // "/dev/vfio/12", by which DPDK opens it; empty: it is not vfio-pci's
  bool vfio_device_ok = false;  // this process may open it
  bool is_network = true;       // by its class, if that can be read
};

struct SystemFacts {
  bool is_root = false;
  bool has_net_admin = false;  // effective capabilities
  bool has_net_raw = false;
  bool has_bpf = false;         // CAP_BPF or CAP_SYS_ADMIN
  bool has_tun_device = false;  // /dev/net/tun
  bool has_account = false;     // the one of system.user
  bool is_account = false;      // this process is that one's already
  std::string xdp_program;      // path, for steered ports (steering/steering_program.h)

  std::vector<unsigned> cpus;  // that this process may run on, ascending
  uint64_t memory_available_mb = 0;
  uint64_t hugepage_kb = 0;        // size of the kernel's default hugepage; 0: it has none
  uint64_t hugepages_free_mb = 0;  // in free pages of that size
  bool hugetlbfs_mounted = false;
  bool hugetlbfs_ok = false;  // wherever it is mounted, files can be made

  std::vector<InterfaceFacts> interfaces;
  std::vector<PciFacts> pci_devices;

  std::string socket_directory;      // of the configured socket
  bool socket_directory_ok = false;  // can be written to, or can be created
  bool socket_taken = false;         // a process answers there

  std::string runtime_directory;      // where DPDK makes its files
  bool runtime_directory_ok = false;  // can be written to, or can be created
  uint64_t runtime_free_kb = 0;       // room on its file system
};

// Reads /proc, /sys and /dev. `root` comes before every such path; tests put a made-up tree
// there. What cannot be read counts as not there.
SystemFacts gather_facts(const Config& config, const std::string& root = "");

}  // namespace adit
