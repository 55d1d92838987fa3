// SPDX-License-Identifier: Apache-2.0
// The shipped pipeline and control plane, run in one thread over captures: time is the
// captures' time, and control acts between any two packets. Nothing here asks a clock, so that
// equal input gives equal output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "replay/merged_input.h"
#include "replay/notes.h"
#include "replay/options.h"
#include "replay/packet_tag.h"
#include "replay/pcap_port.h"
#include "running/control_plane.h"

namespace adit::replay {

struct Drop {
  PacketTag packet;
  DropReason reason;
};

class Replay {
 public:
  // EAL must be up. Throws UsageError for ports that the configuration does not have, and
  // std::runtime_error for files that cannot be read or written.
  Replay(const Config& config, const Options& options);

  // Everything from the first packet to the last held one. Throws std::runtime_error.
  void run();

  const std::vector<Drop>& drops() const noexcept { return drops_; }
  const Notes& notes() const noexcept { return notes_; }
  const std::vector<std::unique_ptr<PcapPort>>& ports() const noexcept { return ports_; }
  const ControlPlane& control() const noexcept { return *control_; }
  const Dataplane& dataplane() const noexcept { return *dataplane_; }

 private:
  PortId port_of(const PortFile& file, const char* option) const;
  void open_files(const Options& options);
  void set_time(uint64_t now_ns);
  void turn();
  void pass_time(uint64_t until_ns);
  void feed_group();
  void feed(const MergedInput::Head& head);
  void work_off_inputs();
  void finish();

  unsigned burst_;
  PacketTags tags_;
  std::vector<std::unique_ptr<PcapPort>> ports_;  // by PortId
  MergedInput input_;
  Notes notes_;
  std::vector<Drop> drops_;
  std::vector<const rte_mbuf*> guarded_;  // see frame_guard.h
  uint64_t now_ns_ = 0;
  // The dataplane calls the ports, so it goes first.
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
};

// MB that EAL has to reserve for a replay; `system.memory_mb` speaks of aditd.
unsigned memory_mb(const Config& config);

}  // namespace adit::replay
