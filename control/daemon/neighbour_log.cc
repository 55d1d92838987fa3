// SPDX-License-Identifier: Apache-2.0
#include "daemon/neighbour_log.h"

#include <spdlog/spdlog.h>

#include "base/log.h"
#include "config/port_ids.h"

namespace adit {

std::string link_text(const ControlPlane& control, LinkId link) {
  if (is_port_link(link)) {
    const PortConfig* port = find_port(control.config(), static_cast<PortId>(link));
    return "port=" + (port != nullptr ? log_value(port->name) : std::to_string(link));
  }
  if (is_network_link(link)) {
    for (const auto& [name, id] : control.ids().networks)
      if (network_link(id) == link) return "network=" + log_value(name);
    return "network=" + std::to_string(network_of_link(link));
  }
  for (const auto& [name, id] : control.ids().subinterfaces)
    if (subinterface_link(id) == link)
      return "port=" + log_value(name.first) + " vlan=" + std::to_string(name.second);
  return "vlan=" + std::to_string(subinterface_of_link(link));
}

void log_neighbour_notice(const ControlPlane& control, const NeighbourNotice& notice) {
  const std::string link = link_text(control, notice.link);
  const std::string address = to_string(notice.address), mac = to_string(notice.mac);
  const std::string holder = to_string(notice.holder);
  switch (notice.kind) {
    case NeighbourNotice::Kind::kConflict:
      return spdlog::warn("event=address_conflict {} address={} own=yes mac={} suppressed={}", link,
                          address, mac, notice.suppressed);
    case NeighbourNotice::Kind::kMoveRefused:
      return spdlog::warn(
          "event=address_conflict {} address={} own=no mac={} holder={} suppressed={}", link,
          address, mac, holder, notice.suppressed);
    case NeighbourNotice::Kind::kMoved:
      return spdlog::info("event=arp_moved {} address={} old_mac={} new_mac={} suppressed={}", link,
                          address, holder, mac, notice.suppressed);
  }
}

}  // namespace adit
