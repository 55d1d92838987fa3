// SPDX-License-Identifier: Apache-2.0
// An opened device. Only control calls these; workers have the functions of queue_io().
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "adit/dataplane.h"

namespace adit {

class InterfaceWatch;  // interface_watch.h
class XdpPools;        // xdp_pools.h

// What ports have in common.
struct PortCommons {
  rte_mempool* pool = nullptr;
  const InterfaceWatch& interfaces;
  XdpPools& xdp_pools;
};

class Port {
 public:
  virtual ~Port() = default;

  const PortFacts& facts() const noexcept { return facts_; }
  // As the device or the kernel says now. Does not block.
  virtual LinkState link() const noexcept = 0;
  // The kernel's interface that it is on, as it was called when it was opened; empty: none.
  const std::string& interface() const noexcept { return interface_; }
  // Requests the state of the kernel's interfaces that it is on, where rtnetlink has to be asked.
  virtual void request_links(InterfaceWatch& interfaces) const;
  // Tells a driver below what that watch says. To be called before link().
  virtual void look() {}
  // Where parts of it have to be made anew. No other thread makes devices meanwhile.
  virtual void mend() {}
  // What it had and workers may still use; to be kept until they do not.
  virtual std::vector<std::shared_ptr<const void>> take_leaving() { return {}; }
  // None: it is no bond.
  virtual std::optional<BondState> bond_state() const { return std::nullopt; }
  // Packets that the device dropped for lack of descriptors or buffers, since it was opened.
  virtual uint64_t rx_missed() const noexcept = 0;

  // The functions of one queue pair; valid as long as this object.
  virtual PortIo queue_io(unsigned queue) noexcept = 0;
  // The same to receive by, for this worker alone.
  virtual PortIo rx_io(unsigned queue, unsigned /*worker*/) noexcept { return queue_io(queue); }

  // Whether frames for any MAC address are received. Throws std::runtime_error naming the port.
  virtual void set_promiscuous(bool) {}
  // Workers have its queues now, and not those of a former port on the same interface or bond.
  // Throws likewise.
  virtual void activate() {}

 protected:
  explicit Port(const PortSpec& spec) : name_(spec.name) {}
  // Throws std::runtime_error "port NAME: WHAT: ERROR"; the error number may be negative.
  [[noreturn]] void fail(const std::string& what, int error) const;

  std::string name_;
  std::string interface_;
  unsigned if_index_ = 0;
  PortFacts facts_;
};

// EAL's name of the bus that the device is on, which is no TAP.
inline const char* bus_of(const std::string& vdev) noexcept {
  return vdev.empty() ? "pci" : "vdev";
}

// Makes DPDK's device `name`, on PCI or as the vdev that EAL's arguments tell. Throws
// std::runtime_error naming the port.
void plug_device(const std::string& port, const std::string& name, const std::string& vdev);

// Opens what PortSpec::device_name says. `former`: null, or another one that is open on the same
// TAP interface, or the same bond. Throws std::runtime_error naming the port.
std::unique_ptr<Port> open_port(const PortSpec& spec, unsigned workers, const PortCommons& commons,
                                const Port* former = nullptr);

// The same for a device that EAL did not make at its start, or that was closed.
std::unique_ptr<Port> reopen_port(const PortSpec& spec, unsigned workers,
                                  const PortCommons& commons);

}  // namespace adit
