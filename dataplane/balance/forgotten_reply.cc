// SPDX-License-Identifier: Apache-2.0
#include "balance/forgotten_reply.h"

#include "balance/schedule.h"

namespace adit {
namespace {

// Whether a NAT backend sends replies from this address and port.
bool is_of_backend(const Snapshot& snapshot, const FlowKey& key, const Ipv6Key& address,
                   be16 port) noexcept {
  const BackendSource source{address, key.vrf, key.protocol, key.ipv6};
  const uint32_t place = snapshot.backend_sources.find(source);
  if (place == 0) return false;
  const Range ports = snapshot.backend_source_ports[place - 1];
  for (uint32_t i = ports.begin; i < ports.end; ++i)
    if (const PortRange& range = snapshot.backend_ports[i];
        port.host() >= range.first && port.host() <= range.last)
      return true;
  return false;
}

bool is_nat_backend(const Snapshot& snapshot, const FlowKey& key) noexcept {
  return snapshot.nat_backends.find({key.source, key.vrf, key.ipv6 != 0}) != 0;
}

}  // namespace

bool is_forgotten_reply(Worker& worker, const Flow& flow, const rte_mbuf* mbuf, uint64_t hash,
                        RouteTarget::Kind to) noexcept {
  const FlowKey& key = flow.key;
  if (flow.kind != FlowKind::kFlow && flow.kind != FlowKind::kIcmpError) return false;
  const Snapshot& snapshot = *worker.snapshot;
  DirectFlows& direct = *worker.direct_flows;
  if (flow.kind == FlowKind::kFlow &&
      is_of_backend(snapshot, key, key.destination, key.destination_port)) {
    FlowKey back = key;
    std::swap(back.source, back.destination);
    std::swap(back.source_port, back.destination_port);
    direct.add(back);
  }
  const bool forgotten = worker.balancer->forgotten.has(hash, worker.now_s);
  // Full NAT's replies are addressed to us.
  const bool of_connections = flow.kind == FlowKind::kFlow && key.protocol != kIpProtocolUdp &&
                              (to == RouteTarget::Kind::kLocal || is_nat_backend(snapshot, key)) &&
                              is_of_backend(snapshot, key, key.source, key.source_port);
  if (!forgotten && !of_connections) return false;
  if (flow.kind == FlowKind::kFlow && key.protocol != kIpProtocolUdp && begins(flow, mbuf)) {
    direct.add(key);
    return false;
  }
  return !direct.has(key);
}

}  // namespace adit
