// SPDX-License-Identifier: Apache-2.0
// Sockets that leave by the device and from the address that a check names.
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <string>

#include "health/health_target.h"
#include "health/packet_way.h"
#include "health/probe_context.h"

namespace adit {

// With the zone that a link-local address needs: the device's.
inline boost::asio::ip::address asio_address(const IpAddr& ip, const std::string& device) {
  namespace net = boost::asio::ip;
  if (ip.is_v4()) return net::address_v4(ip.as_v4().host());
  net::address_v6 address(ip.bytes);
  if (address.is_link_local() && !device.empty()) address.scope_id(if_nametoindex(device.c_str()));
  return address;
}

// What failed, and how; `doing` is null when nothing did.
struct SocketFailure {
  const char* doing = nullptr;
  boost::system::error_code error = {};
  explicit operator bool() const noexcept { return doing != nullptr; }
};

// The way that packets take, where the check goes by it; else null.
inline PacketWay* packet_way(const ProbeContext& context, const HealthTarget& target) noexcept {
  return target.options.question.way == CheckWay::kPackets ? context.packet_way() : nullptr;
}

// What a check speaks to.
inline boost::asio::ip::address peer_address(const ProbeContext& context,
                                             const HealthTarget& target) {
  if (packet_way(context, target) != nullptr) return asio_address(target.alias, {});
  return asio_address(target.address, target.options.question.device);
}

template <class Socket>
SocketFailure open_on_packet_way(PacketWay& way, Socket& socket,
                                 const typename Socket::protocol_type& protocol) {
  const char* doing =
      protocol.type() == SOCK_RAW ? "open a raw socket (it takes CAP_NET_RAW)" : "open a socket";
  const int fd = way.open_socket(protocol.family(), protocol.type(), protocol.protocol());
  if (fd < 0) return {doing, {-fd, boost::system::system_category()}};
  boost::system::error_code error;
  socket.assign(protocol, fd, error);
  if (!error) return {};
  ::close(fd);
  return {doing, error};
}

// Opens `socket` for the peer's family. Left open on failure: its owner closes it.
template <class Socket>
SocketFailure open_socket(Socket& socket, const typename Socket::protocol_type& protocol,
                          const ProbeContext& context, const HealthTarget& target) {
  if (PacketWay* way = packet_way(context, target))
    return open_on_packet_way(*way, socket, protocol);
  const CheckQuestion& question = target.options.question;
  boost::system::error_code error;
  socket.open(protocol, error);
  if (error)
    return {
        protocol.type() == SOCK_RAW ? "open a raw socket (it takes CAP_NET_RAW)" : "open a socket",
        error};
  const std::string& device = question.device;
  if (!device.empty() && setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE,
                                    device.c_str(), static_cast<socklen_t>(device.size())) != 0)
    return {"bind to the device", {errno, boost::system::system_category()}};
  if (!question.source) return {};
  // Without it each check would keep a port of that address to itself, and later in TIME_WAIT;
  // a kernel that does not know it only runs out of ports sooner.
  const int on = 1;
  setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  socket.bind({asio_address(*question.source, device), 0}, error);
  if (error) return {"bind to the source address", error};
  return {};
}

}  // namespace adit
