// SPDX-License-Identifier: Apache-2.0
// Several devices as one, by DPDK's bonding driver: a device of DPDK that has others below it.
#pragma once

#include <memory>
#include <vector>

#include "io/bond_member.h"
#include "io/driver_descriptors.h"
#include "io/eth_device.h"
#include "io/xdp_pools.h"

namespace adit {

class BondPort : public EthDevice {
 public:
  // Makes members and bond, configures and starts them, and waits until the driver uses the members
  // whose links are up. Throws std::runtime_error naming the port.
  BondPort(const PortSpec& spec, unsigned workers, const PortCommons& commons);
  // Goes on with the bond of `former`: members that come are added at once, and those that go are
  // removed by activate(). Where it is not activated, the former one has its own again. Throws
  // likewise.
  BondPort(const PortSpec& spec, const BondPort& former);
  ~BondPort() override;
  BondPort(const BondPort&) = delete;
  BondPort& operator=(const BondPort&) = delete;

  LinkState link() const noexcept override;
  uint64_t rx_missed() const noexcept override;
  PortIo queue_io(unsigned queue) noexcept override;
  PortIo rx_io(unsigned queue, unsigned worker) noexcept override;
  void activate() override;
  void request_links(InterfaceWatch& interfaces) const override;
  void look() override;
  void mend() override;
  std::vector<std::shared_ptr<const void>> take_leaving() override;
  std::optional<BondState> bond_state() const override;

 private:
  struct Bond;  // what BondPorts of one bond share
  struct Queue {
    uint16_t port_id, queue_id;
    uint16_t tx_queue_id = 0;  // of the worker that receives by it; with LACP
    uint64_t send_at_tsc = 0;  // what LACP has to send, at the latest
  };
  struct Member {
    std::shared_ptr<BondMember> device;  // null: it is gone
    uint64_t next_try_ns = 0;            // to make it again
    unsigned tries = 0;                  // in vain
  };
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n);
  static uint16_t receive_lacp(void* context, rte_mbuf** packets, uint16_t n);
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n);

  void add(const BondMember& member) const;
  void remove(std::shared_ptr<BondMember> member) const noexcept;
  void set_options();
  void set_primary() const noexcept;
  void configure(const PortSpec& spec, unsigned workers);
  void set_up_queues(const PortSpec& spec, const PortCommons& commons);
  void make_queues();
  void set_mtu() const;
  void set_member_mtu(const BondMember& member) const;
  void wait_for_members() const;
  bool has_kernel_members() const noexcept;
  uint64_t all_missed() const noexcept;
  std::vector<uint16_t> active_members() const noexcept;
  uint32_t speed_mbps() const noexcept;

  const std::shared_ptr<const BondSpec> spec_;
  const unsigned mtu_bytes_;
  const InterfaceWatch& interfaces_;
  std::vector<Member> members_;  // as in `spec_`
  std::shared_ptr<Bond> bond_;   // after the members: its device is closed before theirs
  uint64_t missed_before_ = 0;   // by the former one's members
  std::vector<Queue> queues_, lacp_queues_;
  std::vector<std::shared_ptr<BondMember>> added_;     // to the former one's; until activate()
  std::vector<std::shared_ptr<BondMember>> to_leave_;  // by activate()
  // The link as it is told, by its delays.
  struct Told {
    bool is_up = false;
    uint64_t differs_since_ns = 0;  // 0: it does not
  };
  mutable Told told_;
};

}  // namespace adit
