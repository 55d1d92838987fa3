// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_message.h"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "netlink/attributes.h"

namespace adit {
namespace {

template <class Header>
const Header* header_of(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

// A UDP port, which is in network byte order.
std::optional<uint16_t> port_of(const nlattr* attribute) {
  if (mnl_attr_get_payload_len(attribute) != sizeof(uint16_t)) return std::nullopt;
  return ntohs(mnl_attr_get_u16(attribute));
}

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
    if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
      is_right = is_right && for_each_attribute(attribute, take_info);
  };
  if (!for_each_attribute(message, sizeof(ifinfomsg), take) || !is_right) return std::nullopt;
  if (link.is_vxlan && data != nullptr && !read_vxlan(data, link)) return std::nullopt;
  return link;
}

std::optional<FdbMessage> read_fdb(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
    return std::nullopt;
  const auto* header = header_of<ndmsg>(message);
  if (header == nullptr || header->ndm_family != AF_BRIDGE || (header->ndm_flags & NTF_SELF) == 0)
    return std::nullopt;
  FdbMessage entry;
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
