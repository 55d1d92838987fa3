// SPDX-License-Identifier: Apache-2.0
#include "daemon/bond_log.h"

#include <spdlog/spdlog.h>

#include "base/log.h"
#include "config/port_ids.h"

namespace adit {
namespace {

const char* kind_of(const BondEvent& event) {
  switch (event.kind) {
    case BondEvent::Kind::kMemberUp:
      return "bond_member_up";
    case BondEvent::Kind::kMemberDown:
      return "bond_member_down";
    case BondEvent::Kind::kMemberGone:
      return "bond_member_gone";
    case BondEvent::Kind::kActive:
      break;
  }
  return "bond_active";
}

}  // namespace

void log_bond_event(const Config& config, const BondEvent& event, LogLimit& limit,
                    uint64_t now_ns) {
  const PortConfig& port = *find_port(config, event.port);
  const char* const kind = kind_of(event);
  if (!limit.allows(kind, port.name, now_ns)) return;
  if (event.kind == BondEvent::Kind::kActive) {
    std::string members;
    for (const std::string& member : event.active) members += (members.empty() ? "" : ",") + member;
    return spdlog::log(event.active.empty() ? spdlog::level::warn : spdlog::level::info,
                       "event={} port={} members={}", kind, log_value(port.name),
                       log_value(members));
  }
  // A start with all links up is no news.
  const bool is_up = event.kind == BondEvent::Kind::kMemberUp;
  spdlog::log(!is_up           ? spdlog::level::warn
              : event.is_first ? spdlog::level::debug
                               : spdlog::level::info,
              "event={} port={} member={}", kind, log_value(port.name), log_value(event.member));
}

}  // namespace adit
