// SPDX-License-Identifier: Apache-2.0
// What encapsulation has to know of the frame or packet inside (describe_inner() reads it).
#pragma once

#include <cstdint>

namespace adit {

struct InnerFlow {
  uint32_t entropy;  // equal for all packets of a flow; the upper bits are the good ones
  uint8_t tos;       // or traffic class; 0 where it is not IP
  uint8_t ttl;       // or hop limit
  bool is_ip;
  bool df;  // IPv4's Don't Fragment
};

}  // namespace adit
