// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_message.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink/attributes.h"

namespace adit {

static_assert(FdbMessage::kFamily == AF_BRIDGE);

std::optional<FdbMessage> FdbMessage::read(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
    return std::nullopt;
  const auto* header = header_of<ndmsg>(message);
  if (header == nullptr || header->ndm_family != AF_BRIDGE) return std::nullopt;
  FdbMessage entry;
  entry.is_of_bridge = (header->ndm_flags & NTF_SELF) == 0;
  if (entry.is_of_bridge && (header->ndm_flags & NTF_EXT_LEARNED) == 0) return std::nullopt;
  entry.interface = static_cast<uint32_t>(header->ndm_ifindex);
  entry.is_gone = message->nlmsg_type == RTM_DELNEIGH;
  bool has_mac = false, is_right = true;
  const auto take = [&](const nlattr* attribute) {
    const std::size_t bytes = mnl_attr_get_payload_len(attribute);
    switch (mnl_attr_get_type(attribute)) {
      case NDA_LLADDR:
        has_mac = bytes == entry.mac.bytes.size();
        if (has_mac) std::memcpy(entry.mac.bytes.data(), mnl_attr_get_payload(attribute), bytes);
        break;
      case NDA_DST:
        entry.remote = address_of(attribute, bytes == 4 ? AF_INET : AF_INET6);
        is_right = is_right && entry.remote;
        break;
      case NDA_SRC_VNI:
        entry.source_vni = number_of(attribute);
        break;
      case NDA_VNI:
        entry.vni = number_of(attribute);
        break;
      case NDA_IFINDEX:
        entry.via = number_of(attribute).value_or(0);
        break;
      case NDA_PORT:
        entry.port = port_of(attribute);
        break;
      default:
        break;
    }
  };
  if (!for_each_attribute(message, sizeof(ndmsg), take) || !is_right || !has_mac)
    return std::nullopt;
  return entry;
}

}  // namespace adit
