// SPDX-License-Identifier: Apache-2.0
#include "io/bond_port.h"

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <numeric>
#include <stdexcept>

#include "io/interface_watch.h"
#include "io/kernel_interface.h"
#include "io/tap_port.h"

namespace adit {
namespace {

constexpr useconds_t kPauseUs = 1'000;
constexpr uint64_t kNextTryNs = 1'000'000'000;
constexpr char kAfPacketPrefix[] = "af_packet:";  // of a member's name
// The driver wants to be called every 100 ms to send what LACP has to say.
constexpr unsigned kLacpPerSecond = 100;

// As monotonic_ns(), which is above this wing.
uint64_t steady_ns() noexcept {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::nanoseconds(since).count());
}

// The driver looks at links by an alarm that it does not cancel, and that would look at a device
// which is gone. Alarms ring in the order of their times, so this returns when it has rung for the
// last time, which does nothing after the device was stopped.
void await_alarm(unsigned interval_ms) noexcept {
  constexpr unsigned kPatience = 5'000;  // pauses
  std::atomic<bool> has_rung = false;
  const auto ring = [](void* flag) { static_cast<std::atomic<bool>*>(flag)->store(true); };
  if (rte_eal_alarm_set((interval_ms + 1) * uint64_t{1'000}, ring, &has_rung) != 0) {
    usleep(2 * interval_ms * 1'000);
    return;
  }
  for (unsigned i = 0; i < kPatience && !has_rung; ++i) usleep(kPauseUs);
  rte_eal_alarm_cancel(ring, &has_rung);  // where it has not; waits if it does so just now
}

}  // namespace

// DPDK's device, and what is its own.
struct BondPort::Bond {
  Bond(const PortSpec& spec, const PortCommons& commons);
  ~Bond();
  Bond(const Bond&) = delete;
  Bond& operator=(const Bond&) = delete;

  const std::string name;
  const unsigned link_check_ms;
  uint16_t port_id = 0;
  XdpPools::Lease xdp_pool;
  DriverDescriptors descriptors;
  std::mutex mutex;  // of what follows
  std::vector<std::shared_ptr<BondMember>> leaving;
};

BondPort::Bond::Bond(const PortSpec& spec, const PortCommons&)
    : name(spec.device_name), link_check_ms(spec.bond->link_check_ms) {
  const int id = rte_eth_bond_create(name.c_str(), static_cast<uint8_t>(spec.bond->mode), 0);
  if (id < 0)
    throw std::runtime_error("port " + spec.name + ": DPDK's bonding driver cannot create " + name);
  port_id = static_cast<uint16_t>(id);
}

// Nothing can be done about a failure here.
BondPort::Bond::~Bond() {
  rte_eth_dev_stop(port_id);
  await_alarm(link_check_ms);
  rte_eth_dev_close(port_id);  // takes its members off, too
  rte_eth_bond_free(name.c_str());
}

uint16_t BondPort::receive(void* context, rte_mbuf** packets, uint16_t n) {
  const auto* queue = static_cast<const Queue*>(context);
  return rte_eth_rx_burst(queue->port_id, queue->queue_id, packets, n);
}
uint16_t BondPort::transmit(void* context, rte_mbuf** packets, uint16_t n) {
  const auto* queue = static_cast<const Queue*>(context);
  return rte_eth_tx_burst(queue->port_id, queue->queue_id, packets, n);
}

// LACP's frames go out with others; where there are none, with nothing.
uint16_t BondPort::receive_lacp(void* context, rte_mbuf** packets, uint16_t n) {
  auto* queue = static_cast<Queue*>(context);
  if (const uint64_t now = rte_rdtsc(); now >= queue->send_at_tsc) {
    queue->send_at_tsc = now + rte_get_tsc_hz() / kLacpPerSecond;
    rte_eth_tx_burst(queue->port_id, queue->tx_queue_id, nullptr, 0);
  }
  return receive(context, packets, n);
}

BondPort::BondPort(const PortSpec& spec, unsigned workers, const PortCommons& commons)
    : EthDevice(spec),
      spec_(spec.bond),
      mtu_bytes_(spec.mtu_bytes),
      interfaces_(commons.interfaces) {
  for (const BondMemberSpec& member : spec_->members)
    members_.push_back({std::make_shared<BondMember>(name_, member)});
  bond_ = std::make_shared<Bond>(spec, commons);
  port_id_ = bond_->port_id;
  for (const Member& member : members_) add(*member.device);
  set_options();
  configure(spec, workers);
  set_up_queues(spec, commons);
  make_queues();
  bond_->descriptors.done();
  if (const int error = rte_eth_dev_start(port_id_); error != 0) fail("cannot start", error);
  set_mtu();
  if (spec.promiscuous) set_promiscuous(true);
  // Broadcast ARP and flooded multicast have to be received; not every driver filters.
  rte_eth_allmulticast_enable(port_id_);
  wait_for_members();
}

BondPort::BondPort(const PortSpec& spec, const BondPort& former)
    : EthDevice(spec),
      spec_(spec.bond),
      mtu_bytes_(spec.mtu_bytes),
      interfaces_(former.interfaces_),
      bond_(former.bond_),
      told_(former.told_) {
  port_id_ = former.port_id_;
  facts_ = former.facts_;
  missed_before_ = former.all_missed();
  to_leave_.reserve(former.members_.size());
  std::vector<Member> had;
  {
    const std::lock_guard lock(bond_->mutex);
    had = former.members_;
  }
  for (std::size_t i = 0; i < had.size(); ++i)
    if (std::ranges::find(spec_->members, former.spec_->members[i].name, &BondMemberSpec::name) ==
        spec_->members.end())
      if (had[i].device) to_leave_.push_back(had[i].device);
  try {
    for (const BondMemberSpec& member : spec_->members) {
      const auto known =
          std::ranges::find(former.spec_->members, member.name, &BondMemberSpec::name);
      if (known != former.spec_->members.end()) {
        members_.push_back(had[static_cast<std::size_t>(known - former.spec_->members.begin())]);
        continue;
      }
      members_.push_back({std::make_shared<BondMember>(name_, member)});
      added_.push_back(members_.back().device);
      add(*added_.back());
      set_member_mtu(*added_.back());
    }
  } catch (...) {
    for (auto& member : added_) remove(std::move(member));
    throw;
  }
  make_queues();
}

BondPort::~BondPort() {
  for (auto& member : added_) remove(std::move(member));
}

void BondPort::add(const BondMember& member) const {
  if (rte_eth_bond_slave_add(port_id_, member.port_id()) != 0)
    throw std::runtime_error("port " + name_ + ": DPDK's bonding driver does not take " +
                             member.name() + " as a member; its log has more");
  // The driver tells those alone that it has when it is told itself, or that it sends by.
  rte_eth_allmulticast_enable(member.port_id());
  if (rte_eth_promiscuous_get(port_id_) == 1) rte_eth_promiscuous_enable(member.port_id());
}

// Workers may be receiving by it now.
void BondPort::remove(std::shared_ptr<BondMember> member) const noexcept {
  rte_eth_bond_slave_remove(port_id_, member->port_id());
  const std::lock_guard lock(bond_->mutex);
  bond_->leaving.push_back(std::move(member));
}

std::vector<std::shared_ptr<const void>> BondPort::take_leaving() {
  const std::lock_guard lock(bond_->mutex);
  std::vector<std::shared_ptr<const void>> leaving(bond_->leaving.begin(), bond_->leaving.end());
  bond_->leaving.clear();
  return leaving;
}

void BondPort::activate() {
  added_.clear();
  for (auto& member : to_leave_) remove(std::move(member));
  to_leave_.clear();
  set_primary();
}

void BondPort::set_primary() const noexcept {
  if (!spec_->primary) return;
  const auto& primary = members_[*spec_->primary].device;
  if (primary) rte_eth_bond_primary_set(port_id_, primary->port_id());
}

void BondPort::set_options() {
  const BondMember& first = *members_.front().device;
  rte_ether_addr mac{};
  if (spec_->mac)
    std::memcpy(mac.addr_bytes, spec_->mac->bytes.data(), sizeof mac.addr_bytes);
  else if (const int error = rte_eth_macaddr_get(first.port_id(), &mac); error != 0)
    fail("member " + first.name() + " has no MAC address", error);
  // Said in any case: it stays when the first member goes.
  bool is_set = rte_eth_bond_mac_address_set(port_id_, &mac) == 0 &&
                rte_eth_bond_link_monitoring_set(port_id_, spec_->link_check_ms) == 0 &&
                rte_eth_bond_xmit_policy_set(port_id_, static_cast<uint8_t>(spec_->hash)) == 0;
  if (spec_->mode == BondMode::kLacp)
    is_set =
        is_set && rte_eth_bond_8023ad_agg_selection_set(
                      port_id_, static_cast<rte_bond_8023ad_agg_selection>(spec_->select)) == 0;
  if (!is_set)
    throw std::runtime_error("port " + name_ + ": DPDK's bonding driver refuses its options");
  set_primary();
}

bool BondPort::has_kernel_members() const noexcept {
  return std::ranges::any_of(members_, [](const Member& member) {
    return member.device && member.device->if_index() != 0;
  });
}

void BondPort::configure(const PortSpec& spec, unsigned workers) {
  rte_eth_dev_info info{};
  identify(info);
  for (const Member& member : members_) limit_queues(member.device->driver(), info);
  facts_.tx_queues = spec.tx_queues != 0 ? spec.tx_queues : workers;
  facts_.rx_queues =
      spec.rx_queues != 0 ? spec.rx_queues : std::min<unsigned>(workers, info.max_rx_queues);
  if (has_kernel_members())  // their drivers have pairs of queues
    facts_.rx_queues = facts_.tx_queues = std::max(facts_.rx_queues, facts_.tx_queues);
  if (facts_.tx_queues < workers || facts_.tx_queues > info.max_tx_queues ||
      facts_.rx_queues > info.max_rx_queues)
    throw std::runtime_error(
        "port " + name_ + ": all members together have " + std::to_string(info.max_rx_queues) +
        " receive and " + std::to_string(info.max_tx_queues) + " transmit queues, " +
        std::to_string(facts_.rx_queues) + " and " + std::to_string(facts_.tx_queues) +
        " are wanted, one to send for each of the " + std::to_string(workers) +
        " workers; change system.workers or the port's rx_queues and tx_queues");

  rte_eth_conf conf{};
  // Drivers on kernel interfaces do not report jumbo frames; the interface's MTU counts.
  if (!has_kernel_members()) conf.rxmode.mtu = spec.mtu_bytes;
  choose_offloads(info, conf);
  // What all members can do. Without a table of queues (RETA) there is nothing to share out by.
  const uint64_t hashes =
      info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  if (facts_.rx_queues > 1 && hashes != 0 && info.reta_size != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = hashes;
  }
  configure_device(conf);
}

void BondPort::set_up_queues(const PortSpec& spec, const PortCommons& commons) {
  rte_mempool* pool = commons.pool;
  const auto is_xdp = [](const Member& member) { return member.device->driver() == "net_af_xdp"; };
  if (const auto xdp_members = std::ranges::count_if(members_, is_xdp); xdp_members != 0) {
    bond_->xdp_pool = commons.xdp_pools.take(std::max(facts_.rx_queues, facts_.tx_queues) *
                                             static_cast<unsigned>(xdp_members));
    pool = bond_->xdp_pool.get();
  }
  set_up_rings(spec, pool);
}

void BondPort::make_queues() {
  const unsigned queues = std::max(facts_.rx_queues, facts_.tx_queues);
  for (uint16_t queue = 0; queue < queues; ++queue) queues_.push_back({port_id_, queue});
  if (spec_->mode == BondMode::kLacp) lacp_queues_ = queues_;
}

// The driver has given the members the bond's MTU as DPDK knows it; kernel interfaces get what they
// carry.
void BondPort::set_member_mtu(const BondMember& member) const {
  if (member.if_index() == 0) return;
  const int error = set_interface_mtu(member.interface().c_str(), mtu_bytes_);
  if (error != 0)
    fail("cannot set mtu_bytes of member " + member.name() + " to " + std::to_string(mtu_bytes_),
         error);
}

void BondPort::set_mtu() const {
  for (const Member& member : members_) set_member_mtu(*member.device);
  uint16_t mtu = 0;
  if (has_kernel_members() || (rte_eth_dev_get_mtu(port_id_, &mtu) == 0 && mtu == mtu_bytes_))
    return;
  const int error = rte_eth_dev_set_mtu(port_id_, static_cast<uint16_t>(mtu_bytes_));
  if (error != 0 && error != -ENOTSUP)
    fail("cannot set mtu_bytes to " + std::to_string(mtu_bytes_), error);
}

// So that a start with all links up is no news.
void BondPort::wait_for_members() const {
  constexpr unsigned kPatienceMs = 500;
  const auto is_up = [this](const Member& member) {
    member.device->look(interfaces_);
    return member.device->status(interfaces_) == LinkStatus::kUp;
  };
  for (unsigned i = 0; i < spec_->link_check_ms + kPatienceMs; ++i) {
    const auto up = static_cast<std::size_t>(std::ranges::count_if(members_, is_up));
    if (active_members().size() >= up) break;
    usleep(kPauseUs);
  }
  told_.is_up = !active_members().empty();
}

void BondPort::request_links(InterfaceWatch& interfaces) const {
  for (const Member& member : members_)
    if (member.device && member.device->if_index() != 0)
      interfaces.request_link(member.device->if_index());
}

void BondPort::look() {
  for (Member& member : members_) {
    if (!member.device) continue;
    member.device->look(interfaces_);
    if (member.device->status(interfaces_) != LinkStatus::kGone) continue;
    Member gone{.device = nullptr, .next_try_ns = steady_ns() + kNextTryNs, .tries = 0};
    {
      const std::lock_guard lock(bond_->mutex);
      std::swap(member, gone);
    }
    remove(std::move(gone.device));
  }
}

// An interface that was deleted is another one when it is back, and a TAP is ours to make. A NIC
// may need a driver first, and AF_XDP's driver leaves descriptors behind that are the bond's.
void BondPort::mend() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    if (member.device || steady_ns() < member.next_try_ns) continue;
    const std::string& name = spec_->members[i].name;
    const bool is_back = name.starts_with(kAfPacketPrefix) &&
                         interfaces_.index_of(name.substr(sizeof kAfPacketPrefix - 1)) != 0;
    if (!is_back && !name.starts_with(kTapPrefix)) continue;
    try {
      auto device = std::make_shared<BondMember>(name_, spec_->members[i]);
      add(*device);
      member.device = device;
      set_member_mtu(*device);
      if (spec_->primary == i) set_primary();
    } catch (const std::runtime_error&) {
      if (member.device) remove(std::move(member.device));
      const unsigned wait_s = 1u << std::min(member.tries++, 5u);
      member.next_try_ns = steady_ns() + wait_s * kNextTryNs;
    }
  }
}

LinkState BondPort::link() const noexcept {
  LinkState state;
  const bool is_up = !active_members().empty();
  const uint64_t now_ns = steady_ns();
  if (is_up == told_.is_up) {
    told_.differs_since_ns = 0;
  } else {
    if (told_.differs_since_ns == 0) told_.differs_since_ns = now_ns;
    const unsigned delay_ms = is_up ? spec_->up_delay_ms : spec_->down_delay_ms;
    if (now_ns - told_.differs_since_ns >= delay_ms * uint64_t{1'000'000})
      told_ = {.is_up = is_up, .differs_since_ns = 0};
  }
  state.status = told_.is_up ? LinkStatus::kUp : LinkStatus::kDown;
  if (is_up) state.speed_mbps = speed_mbps();
  return state;
}

// The driver, asked for it, would ask its members, which its own look may do at the same time.
uint32_t BondPort::speed_mbps() const noexcept {
  std::vector<uint32_t> speeds;
  const std::vector<uint16_t> active = active_members();
  const int current = rte_eth_bond_primary_get(port_id_);
  for (const Member& member : members_) {
    if (!member.device) continue;
    const uint16_t id = member.device->port_id();
    const bool is_used = spec_->mode == BondMode::kActiveBackup
                             ? id == current
                             : std::ranges::find(active, id) != active.end();
    if (is_used) speeds.push_back(member.device->speed_mbps());
  }
  if (speeds.empty()) return 0;
  if (spec_->mode == BondMode::kBroadcast) return *std::ranges::min_element(speeds);
  return std::accumulate(speeds.begin(), speeds.end(), uint32_t{0});
}

// Of the members that there are now.
uint64_t BondPort::all_missed() const noexcept {
  rte_eth_stats stats{};
  return rte_eth_stats_get(port_id_, &stats) == 0 ? stats.imissed + stats.rx_nombuf : 0;
}

uint64_t BondPort::rx_missed() const noexcept {
  return std::max(all_missed(), missed_before_) - missed_before_;
}

PortIo BondPort::queue_io(unsigned queue) noexcept {
  return {&queues_[queue], receive, transmit};
}

PortIo BondPort::rx_io(unsigned queue, unsigned worker) noexcept {
  if (lacp_queues_.empty()) return queue_io(queue);
  Queue& lacp = lacp_queues_[queue];
  // A queue's worker stays the same as long as there is the port.
  if (lacp.tx_queue_id != worker) lacp.tx_queue_id = static_cast<uint16_t>(worker);
  return {&lacp, receive_lacp, transmit};
}

}  // namespace adit
