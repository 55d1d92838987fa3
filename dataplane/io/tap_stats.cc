// SPDX-License-Identifier: Apache-2.0
#include "io/tap_stats.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "adit/descriptor.h"

namespace adit {
namespace {

// Sends rtnetlink requests, one at a time.
class Rtnetlink {
 public:
  Rtnetlink() noexcept : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
    if (socket_ != nullptr) mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID);
  }
  ~Rtnetlink() {
    if (socket_ != nullptr) mnl_socket_close(socket_);
  }
  Rtnetlink(const Rtnetlink&) = delete;
  Rtnetlink& operator=(const Rtnetlink&) = delete;

  nlmsghdr* begin(uint16_t type, uint16_t flags) noexcept {
    nlmsghdr* request = mnl_nlmsg_put_header(buffer_.data());
    request->nlmsg_type = type;
    request->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    return request;
  }
  // Sends the request and passes the reply on. False: the kernel refused it.
  bool ask(const nlmsghdr* request, mnl_cb_t take, void* data) noexcept {
    if (socket_ == nullptr || mnl_socket_sendto(socket_, request, request->nlmsg_len) < 0)
      return false;
    const ssize_t length = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
    return length > 0 &&
           mnl_cb_run(buffer_.data(), static_cast<std::size_t>(length), 0, 0, take, data) >= 0;
  }

 private:
  mnl_socket* socket_;
  alignas(nlmsghdr) std::array<char, 32768> buffer_{};
};

constexpr int32_t kNoId = -1;  // also: any free one

int take_id(const nlmsghdr* message, void* id) {
  return mnl_attr_parse(
      message, sizeof(rtgenmsg),
      [](const nlattr* attribute, void* value) {
        if (mnl_attr_get_type(attribute) == NETNSA_NSID)
          *static_cast<int32_t*>(value) = static_cast<int32_t>(mnl_attr_get_u32(attribute));
        return MNL_CB_OK;
      },
      id);
}

// The other namespace's id in ours; one is assigned if there is none.
int32_t id_of(Rtnetlink& netlink, int netns_fd) noexcept {
  int32_t id = kNoId;
  const auto ask = [&](uint16_t type, uint16_t flags) {
    nlmsghdr* request = netlink.begin(type, flags);
    static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtgenmsg)))->rtgen_family =
        AF_UNSPEC;
    mnl_attr_put_u32(request, NETNSA_FD, static_cast<uint32_t>(netns_fd));
    if (type == RTM_NEWNSID) mnl_attr_put_u32(request, NETNSA_NSID, static_cast<uint32_t>(kNoId));
    netlink.ask(request, type == RTM_GETNSID ? take_id : nullptr, &id);
  };
  ask(RTM_GETNSID, 0);
  if (id != kNoId) return id;
  ask(RTM_NEWNSID, NLM_F_ACK);
  ask(RTM_GETNSID, 0);
  return id;
}

bool is_ours(int netns_fd) noexcept {
  struct stat theirs {
  }, ours{};
  return fstat(netns_fd, &theirs) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
         theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

int take_drops(const nlmsghdr* message, void* drops) {
  if (message->nlmsg_type != RTM_NEWLINK) return MNL_CB_OK;
  return mnl_attr_parse(
      message, sizeof(ifinfomsg),
      [](const nlattr* attribute, void* value) {
        rtnl_link_stats64 stats{};
        if (mnl_attr_get_type(attribute) != IFLA_STATS64) return MNL_CB_OK;
        std::memcpy(&stats, mnl_attr_get_payload(attribute),
                    std::min(sizeof stats, std::size_t{mnl_attr_get_payload_len(attribute)}));
        *static_cast<std::optional<uint64_t>*>(value) = stats.tx_dropped;
        return MNL_CB_OK;
      },
      drops);
}

}  // namespace

std::optional<uint64_t> tap_queue_drops(int fd) noexcept {
  ifreq name{};
  const Descriptor netns(ioctl(fd, TUNGETDEVNETNS));
  if (netns.get() < 0 || ioctl(fd, TUNGETIFF, &name) != 0) return std::nullopt;
  Rtnetlink netlink;
  int32_t id = kNoId;
  if (!is_ours(netns.get())) {
    id = id_of(netlink, netns.get());
    if (id == kNoId) return std::nullopt;
  }
  nlmsghdr* request = netlink.begin(RTM_GETLINK, 0);
  static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)))->ifi_family =
      AF_UNSPEC;
  mnl_attr_put_strz(request, IFLA_IFNAME, name.ifr_name);
  if (id != kNoId) mnl_attr_put_u32(request, IFLA_TARGET_NETNSID, static_cast<uint32_t>(id));
  std::optional<uint64_t> drops;
  netlink.ask(request, take_drops, &drops);
  return drops;
}

}  // namespace adit
