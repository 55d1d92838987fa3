// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_writer.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/network_namespace.h"

namespace adit {

FdbWriter::FdbWriter(const std::string& network_namespace) : socket_(nullptr, mnl_socket_close) {
  run_in_namespace(network_namespace, [this] {
    socket_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
      throw std::runtime_error(std::string("netlink: ") + std::strerror(errno));
  });
}

FdbWriter::~FdbWriter() = default;

std::string FdbWriter::add(uint32_t interface, MacAddr mac) {
  const int error =
      ask(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, interface, mac, NTF_MASTER | NTF_EXT_LEARNED);
  return error == 0 ? "" : std::strerror(error);
}

std::string FdbWriter::remove(uint32_t interface, MacAddr mac) {
  const int error = ask(RTM_DELNEIGH, 0, interface, mac, NTF_MASTER | NTF_EXT_LEARNED);
  return error == 0 || error == ENOENT ? "" : std::strerror(error);
}

std::string FdbWriter::remove_remote(uint32_t interface, MacAddr mac, std::optional<uint32_t> vni) {
  const int error = ask(RTM_DELNEIGH, 0, interface, mac, NTF_SELF, vni);
  return error == 0 || error == ENOENT ? "" : std::strerror(error);
}

// An error of errno; 0: none. The kernel has done it, and answered, when the message is sent.
int FdbWriter::ask(uint16_t type, uint16_t flags, uint32_t interface, MacAddr mac,
                   uint8_t entry_flags, std::optional<uint32_t> vni) {
  alignas(NLMSG_ALIGNTO) std::array<char, 256> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  message->nlmsg_seq = ++sequence_;
  auto* header = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
  header->ndm_family = AF_BRIDGE;
  header->ndm_ifindex = static_cast<int>(interface);
  header->ndm_state = NUD_REACHABLE;
  header->ndm_flags = entry_flags;
  mnl_attr_put(message, NDA_LLADDR, mac.bytes.size(), mac.bytes.data());
  if (vni) mnl_attr_put_u32(message, NDA_SRC_VNI, *vni);
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return errno;
  // An error has the request with it.
  alignas(NLMSG_ALIGNTO) std::array<char, 1024> answer;
  for (;;) {
    const ssize_t bytes = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
    if (bytes < 0) return errno;
    const auto* answered = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (!mnl_nlmsg_ok(answered, static_cast<int>(bytes)) || answered->nlmsg_seq != sequence_)
      continue;
    if (answered->nlmsg_type != NLMSG_ERROR ||
        mnl_nlmsg_get_payload_len(answered) < sizeof(nlmsgerr))
      return EBADMSG;
    return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answered))->error;
  }
}

}  // namespace adit
