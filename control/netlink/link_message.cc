// SPDX-License-Identifier: Apache-2.0
#include "netlink/link_message.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink/attributes.h"

namespace adit {
namespace {

// A text within the attribute, with a zero behind it or not.
std::string text_of(const nlattr* attribute) {
  const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return {text, strnlen(text, mnl_attr_get_payload_len(attribute))};
}

// IFLA_INFO_DATA of a VXLAN interface. False: malformed.
bool read_vxlan(const nlattr* data, LinkMessage& link) {
  return for_each_attribute(data, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_VXLAN_ID:
        link.vni = number_of(attribute).value_or(0);
        break;
      case IFLA_VXLAN_PORT:
        link.port = port_of(attribute).value_or(0);
        break;
      case IFLA_VXLAN_COLLECT_METADATA:
        link.is_external =
            mnl_attr_get_payload_len(attribute) >= 1 && mnl_attr_get_u8(attribute) != 0;
        break;
      default:
        break;
    }
  });
}

}  // namespace

std::optional<LinkMessage> read_link(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return std::nullopt;
  const auto* header = header_of<ifinfomsg>(message);
  // Bridges tell of their ports by messages of their own family.
  if (header == nullptr || header->ifi_family != AF_UNSPEC) return std::nullopt;
  LinkMessage link;
  link.number = static_cast<uint32_t>(header->ifi_index);
  link.is_gone = message->nlmsg_type == RTM_DELLINK;
  const nlattr* data = nullptr;
  const auto take_info = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
      link.is_vxlan = text_of(attribute) == "vxlan";
    if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA) data = attribute;
  };
  bool is_right = true;
  const auto take = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_IFNAME) link.name = text_of(attribute);
    if (mnl_attr_get_type(attribute) == IFLA_ADDRESS &&
        mnl_attr_get_payload_len(attribute) == link.mac.bytes.size())
      std::memcpy(link.mac.bytes.data(), mnl_attr_get_payload(attribute), link.mac.bytes.size());
    if (mnl_attr_get_type(attribute) == IFLA_MASTER) link.master = number_of(attribute).value_or(0);
    if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
      is_right = is_right && for_each_attribute(attribute, take_info);
  };
  if (!for_each_attribute(message, sizeof(ifinfomsg), take) || !is_right) return std::nullopt;
  if (link.is_vxlan && data != nullptr && !read_vxlan(data, link)) return std::nullopt;
  return link;
}

}  // namespace adit
