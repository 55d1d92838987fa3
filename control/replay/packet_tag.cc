// SPDX-License-Identifier: Apache-2.0
#include "replay/packet_tag.h"

#include <rte_errno.h>

#include <stdexcept>
#include <string>

namespace adit::replay {

PacketTags::PacketTags() {
  rte_mbuf_dynfield field = {};
  field.size = sizeof(uint64_t);
  field.align = alignof(uint64_t);
  std::string("adit_replay_tag").copy(field.name, sizeof field.name - 1);
  offset_ = rte_mbuf_dynfield_register(&field);
  if (offset_ < 0)
    throw std::runtime_error(std::string("no room for the packet's number in buffers: ") +
                             rte_strerror(rte_errno));
}

}  // namespace adit::replay
