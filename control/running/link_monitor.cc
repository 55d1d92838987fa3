// SPDX-License-Identifier: Apache-2.0
#include "running/link_monitor.h"

#include <algorithm>
#include <stdexcept>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kLookEveryNs = 50'000'000;
// While one is down: from the moment that it is up, packets for it shall not be dropped.
constexpr uint64_t kLookForUpEveryNs = 10'000'000;
// Whoever deleted a TAP may be about to make it again: it is theirs then.
constexpr uint64_t kMakeAfterNs = 5 * kNsPerSecond;
constexpr uint64_t kLongestWaitS = 60;

}  // namespace

void LinkMonitor::tick(const Config& config, uint64_t now_ns, const Report& report) {
  next_tick_ns_ = now_ns + kLookEveryNs;
  dataplane_.look_at_links();
  for (const PortConfig& of_port : config.ports) {
    const PortId id = of_port.id;
    Port& port = state(id);
    if (port.is_suspended) continue;
    // Opening a TAP makes the interface that it is on.
    if (port.is_known && port.status == LinkStatus::kGone)
      try_to_reopen(id, port, of_port.device.kind == DeviceKind::kTap, now_ns, report);
    else
      look(id, port, now_ns, report);
    if (port.status == LinkStatus::kDown) next_tick_ns_ = now_ns + kLookForUpEveryNs;
  }
}

void LinkMonitor::look(PortId id, Port& port, uint64_t now_ns, const Report& report) {
  const LinkStatus status = dataplane_.link_state(id).status;
  const bool is_first = !port.is_known;
  if (!is_first && status == port.status) return;
  port.is_known = true;
  port.status = status;
  switch (status) {
    case LinkStatus::kUp:
      dataplane_.set_link_down(id, false);
      break;
    case LinkStatus::kDown:
      dataplane_.set_link_down(id, true);
      break;
    case LinkStatus::kGone:
      dataplane_.detach(id);
      port.tries = 0;
      port.next_try_ns = now_ns + kMakeAfterNs;
      break;
  }
  using Kind = LinkEvent::Kind;
  const Kind kind = status == LinkStatus::kUp     ? Kind::kUp
                    : status == LinkStatus::kDown ? Kind::kDown
                                                  : Kind::kLost;
  LinkEvent event{.kind = kind, .port = id, .is_first = is_first};
  report(event);
}

void LinkMonitor::try_to_reopen(PortId id, Port& port, bool makes_interface, uint64_t now_ns,
                                const Report& report) {
  const bool is_back = dataplane_.interface_is_back(id);
  // The first time at once.
  const bool is_due = now_ns >= port.next_try_ns || (is_back && port.tries == 0);
  if (!is_due || !(is_back || makes_interface || port.is_recovering)) return;
  try {
    if (!dataplane_.reopen(id)) return;
    // What depends on it was not withdrawn meanwhile if others had detached it.
    if (port.is_recovering)
      renewed(id);
    else
      port = {.is_known = true, .status = LinkStatus::kDown};
    LinkEvent event{.kind = LinkEvent::Kind::kReopened, .port = id};
    report(event);
  } catch (const std::exception& error) {
    const uint64_t wait_s = std::min(kLongestWaitS, uint64_t{1} << std::min(port.tries++, 6u));
    port.next_try_ns = now_ns + wait_s * kNsPerSecond;
    LinkEvent event{.kind = LinkEvent::Kind::kReopenFailed, .port = id};
    event.why = error.what();
    event.retry_s = wait_s;
    report(event);
  }
}

}  // namespace adit
