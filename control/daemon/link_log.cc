// SPDX-License-Identifier: Apache-2.0
#include "daemon/link_log.h"

#include <spdlog/spdlog.h>

#include "base/log.h"
#include "config/port_ids.h"
#include "config/values.h"

namespace adit {

namespace {

const char* kind_of(const LinkEvent& event) {
  switch (event.kind) {
    case LinkEvent::Kind::kUp:
      return "link_up";
    case LinkEvent::Kind::kDown:
      return "link_down";
    case LinkEvent::Kind::kLost:
      return "port_lost";
    case LinkEvent::Kind::kReopened:
      return "port_reopened";
    case LinkEvent::Kind::kReopenFailed:
      break;
  }
  return "port_reopen_failed";
}

}  // namespace

void log_link_event(const Config& config, const LinkEvent& event, LogLimit& limit,
                    uint64_t now_ns) {
  const PortConfig& port = *find_port(config, event.port);
  if (!limit.allows(kind_of(event), port.name, now_ns)) return;
  const std::string name = log_value(port.name), device = log_value(to_string(port.device));
  switch (event.kind) {
    case LinkEvent::Kind::kUp:
      // A start with all links up is no news.
      return spdlog::log(event.is_first ? spdlog::level::debug : spdlog::level::info,
                         "event=link_up port={} device={} neighbours_asked={} backends_back={}",
                         name, device, event.neighbours, event.backends);
    case LinkEvent::Kind::kDown:
    case LinkEvent::Kind::kLost:
      return spdlog::warn(
          "event={} port={} device={} macs_removed={} neighbours_removed={} "
          "backends_unreachable={}",
          kind_of(event), name, device, event.macs, event.neighbours, event.backends);
    case LinkEvent::Kind::kReopened:
      return spdlog::info("event=port_reopened port={} device={}", name, device);
    case LinkEvent::Kind::kReopenFailed:
      return spdlog::warn("event=port_reopen_failed port={} device={} retry_s={} error={}", name,
                          device, event.retry_s, log_value(event.why));
  }
}

}  // namespace adit
