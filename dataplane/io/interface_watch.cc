// SPDX-License-Identifier: Apache-2.0
#include "io/interface_watch.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace adit {
namespace {

// A message of an interface with all its attributes is some 2 KiB; the kernel packs up to 32 KiB.
constexpr std::size_t kBufferBytes = 32768;
// Messages read at once: many changes must not block control.
constexpr unsigned kMostReads = 64;
// IFF_LOWER_UP, the carrier, of linux/if.h, which cannot be included with net/if.h.
constexpr unsigned kLowerUp = 1u << 16;

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("netlink: ") + what + ": " + std::strerror(errno));
}

}  // namespace

InterfaceWatch::InterfaceWatch() {
  socket_ = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket_ == nullptr) fail("no socket");
  try {
    if (mnl_socket_bind(socket_, RTMGRP_LINK, MNL_SOCKET_AUTOPID) != 0) fail("bind");
    request_all_links();
    while (!is_complete_) refresh();
  } catch (...) {
    mnl_socket_close(socket_);
    throw;
  }
}

InterfaceWatch::~InterfaceWatch() {
  mnl_socket_close(socket_);
}

void InterfaceWatch::request_all_links() {
  std::array<char, 256> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_family = AF_UNSPEC;
  if (mnl_socket_sendto(socket_, request, request->nlmsg_len) < 0) fail("RTM_GETLINK");
  ++dump_;
  is_complete_ = ask_again_ = false;
}

void InterfaceWatch::request_link(unsigned if_index) {
  std::array<char, 256> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = static_cast<int>(if_index);
  mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  mnl_socket_sendto(socket_, request, request->nlmsg_len);  // refused: it is asked again
}

void InterfaceWatch::refresh() {
  std::array<char, kBufferBytes> buffer;
  for (unsigned i = 0; i < kMostReads; ++i) {
    const ssize_t length = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
    if (length < 0 && errno == ENOBUFS) {
      ask_again_ = true;
      continue;
    }
    if (length <= 0) {
      if (!ask_again_) return;
      request_all_links();  // not before: the kernel refuses a second dump while one is under way
      continue;
    }
    const int more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), 0, 0,
                                &InterfaceWatch::take, this);
    // The list changed during the dump, or could not be requested. Other errors: an interface that
    // was asked for is gone, which the kernel reports separately.
    if (more < 0 && (errno == EINTR || errno == EBUSY)) ask_again_ = true;
    if (more != 0 || is_complete_) continue;
    is_complete_ = true;
    std::erase_if(interfaces_, [this](const auto& known) { return known.second.dump != dump_; });
  }
}

int InterfaceWatch::take(const nlmsghdr* message, void* self) {
  auto& watch = *static_cast<InterfaceWatch*>(self);
  auto& interfaces = watch.interfaces_;
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return MNL_CB_OK;
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return MNL_CB_OK;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  // Bridges report their ports with a family of their own, also when a port leaves the bridge.
  if (info->ifi_family != AF_UNSPEC) return MNL_CB_OK;
  const auto index = static_cast<unsigned>(info->ifi_index);
  if (message->nlmsg_type == RTM_DELLINK) {
    interfaces.erase(index);
    return MNL_CB_OK;
  }
  Interface& interface = interfaces[index];
  interface.dump = watch.dump_;
  // RFC 2863: IFF_RUNNING means operational, with a carrier and 802.1X completed; but the kernel
  // updates it later than the carrier.
  constexpr unsigned kUp = IFF_UP | IFF_RUNNING | kLowerUp;
  interface.is_up = (info->ifi_flags & kUp) == kUp;
  mnl_attr_parse(
      message, sizeof(ifinfomsg),
      [](const nlattr* attribute, void* name) {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
          *static_cast<std::string*>(name) = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
      },
      &interface.name);
  return MNL_CB_OK;
}

LinkStatus InterfaceWatch::status(unsigned if_index) const noexcept {
  const auto found = interfaces_.find(if_index);
  if (found == interfaces_.end()) return LinkStatus::kGone;
  return found->second.is_up ? LinkStatus::kUp : LinkStatus::kDown;
}

unsigned InterfaceWatch::index_of(const std::string& name) const noexcept {
  for (const auto& [index, interface] : interfaces_)
    if (interface.name == name) return index;
  return 0;
}

}  // namespace adit
