// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour_message.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink/attributes.h"

namespace adit {
namespace {

// States in which the kernel itself sends to the MAC that it has. Not NUD_NOARP: on an interface
// without ARP the kernel makes such entries itself, with the interface's own MAC.
constexpr unsigned kUsable = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

}  // namespace

static_assert(NeighbourMessage::kFamily == AF_UNSPEC);

std::optional<NeighbourMessage> NeighbourMessage::read(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
    return std::nullopt;
  const auto* header = header_of<ndmsg>(message);
  if (header == nullptr || (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
      (header->ndm_flags & NTF_PROXY) != 0)
    return std::nullopt;
  NeighbourMessage entry;
  entry.interface = static_cast<uint32_t>(header->ndm_ifindex);
  const bool is_of_program = (header->ndm_flags & NTF_EXT_LEARNED) != 0;
  entry.is_lasting = (header->ndm_state & NUD_PERMANENT) != 0 || is_of_program;
  std::optional<IpAddr> address;
  bool is_right = true;
  const auto take = [&](const nlattr* attribute) {
    const std::size_t bytes = mnl_attr_get_payload_len(attribute);
    if (mnl_attr_get_type(attribute) == NDA_DST) {
      address = address_of(attribute, header->ndm_family);
      is_right = is_right && address;
    }
    if (mnl_attr_get_type(attribute) == NDA_LLADDR) {
      is_right = is_right && bytes == entry.mac.bytes.size();
      if (is_right) std::memcpy(entry.mac.bytes.data(), mnl_attr_get_payload(attribute), bytes);
    }
  };
  if (!for_each_attribute(message, sizeof(ndmsg), take) || !is_right || !address ||
      address->is_multicast() || entry.mac.is_group())
    return std::nullopt;
  entry.address = *address;
  entry.is_gone = message->nlmsg_type == RTM_DELNEIGH ||
                  (header->ndm_state & (is_of_program ? kUsable | NUD_NOARP : kUsable)) == 0 ||
                  entry.mac.is_zero();
  if (entry.is_gone) entry.mac = {};
  return entry;
}

}  // namespace adit
