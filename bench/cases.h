// SPDX-License-Identifier: Apache-2.0
// A scenario with its numbers: one row of the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenario.h"
#include "tunnel_form.h"

namespace adit::bench {

// Bytes of the inner frame without VLAN tag and FCS; 0: IMIX.
using FrameSize = uint16_t;
inline constexpr FrameSize kImix = 0;

// 7 : 4 : 1 of 64, 570 and 1514 bytes, evenly mixed.
inline constexpr uint16_t kImixSizes[12] = {64, 570, 64, 64, 570, 64, 1514, 64, 570, 64, 64, 570};

std::string to_string_frame(FrameSize size);

struct Case {
  const Scenario* scenario = nullptr;
  uint32_t flows = 1;
  uint32_t networks = 1;
  FrameSize size = 64;
  const TunnelForm* tunnel = &kTunnelForms[0];
};

// What the command line asks for; an empty list was not given.
struct CaseLists {
  std::vector<const Scenario*> scenarios;
  std::vector<uint32_t> flows;
  std::vector<uint32_t> networks;
  std::vector<FrameSize> sizes;
  std::vector<const TunnelForm*> tunnels;
};

// All combinations of what was given. Where no number was given at all: every number of
// flows and networks with small frames, then every size with one network and 1,000 flows; of
// balanced services small frames in one network only.
std::vector<Case> make_cases(const CaseLists& lists);

}  // namespace adit::bench
