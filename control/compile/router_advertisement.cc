// SPDX-License-Identifier: Apache-2.0
#include "compile/router_advertisement.h"

#include <set>

#include "adit/wire.h"

namespace adit {
namespace {

constexpr uint8_t kRouterAdvertisement = 134;
constexpr uint8_t kNdHopLimit = 255;
constexpr uint8_t kHostsHopLimit = 64;
// RFC 4861 section 6.2.1
constexpr uint32_t kPrefixValidS = 2'592'000, kPrefixPreferredS = 604'800;
constexpr unsigned kMostLifetimeS = 9000;
constexpr uint32_t kLeastIpv6Mtu = 1280;
constexpr uint8_t kOptionSourceMac = 1, kOptionPrefix = 3, kOptionMtu = 5;
constexpr uint8_t kOptionRdnss = 25;  // RFC 8106
constexpr uint8_t kOnLink = 0x80, kAutonomous = 0x40;

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    const auto* at = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof value);
  }
  // `len`: in 8 bytes.
  void put_option(uint8_t type, size_t len) {
    put(type);
    put(static_cast<uint8_t>(len));
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }
  size_t size() const { return bytes_.size(); }

 private:
  std::vector<uint8_t> bytes_;
};

void put_prefixes(Writer& out, const RouterAdvertisements& config,
                  const std::vector<IpPrefix>& addresses) {
  std::set<IpPrefix> told;
  for (const IpPrefix& own : addresses) {
    const IpPrefix subnet = subnet_of(own);
    if (own.address.is_v4() || !told.insert(subnet).second) continue;
    out.put_option(kOptionPrefix, 4);
    out.put(subnet.length);
    const bool autonomous = config.autonomous && subnet.length == 64;
    out.put(static_cast<uint8_t>(autonomous ? kOnLink | kAutonomous : kOnLink));
    out.put(be32(kPrefixValidS));
    out.put(be32(kPrefixPreferredS));
    out.put(be32(0));
    out.put(subnet.address.bytes);
  }
}

void put_message(Writer& out, const RouterAdvertisements& config, const MacAddr& mac,
                 const std::vector<IpPrefix>& addresses, uint32_t mtu_bytes) {
  const unsigned lifetime_s =
      config.lifetime_s.value_or(std::min(3 * config.interval_s, kMostLifetimeS));
  out.put(kRouterAdvertisement);
  out.put(uint8_t{0});
  out.put(be16(0));  // the checksum
  out.put(kHostsHopLimit);
  out.put(uint8_t{0});  // addresses and other things not by DHCPv6
  out.put(be16(static_cast<uint16_t>(lifetime_s)));
  out.put(be32(0));  // reachable time and
  out.put(be32(0));  // retransmissions: the host's choice
  out.put_option(kOptionSourceMac, 1);
  out.put(mac);
  if (config.mtu && mtu_bytes >= kLeastIpv6Mtu) {
    out.put_option(kOptionMtu, 1);
    out.put(be16(0));
    out.put(be32(mtu_bytes));
  }
  put_prefixes(out, config, addresses);
  if (config.rdnss.empty()) return;
  out.put_option(kOptionRdnss, 1 + 2 * config.rdnss.size());
  out.put(be16(0));
  out.put(be32(3 * config.interval_s));
  for (const IpAddr& server : config.rdnss) out.put(server.bytes);
}

}  // namespace

void add_advertisement(Interface& link, const std::optional<RouterAdvertisements>& config,
                       const std::vector<IpPrefix>& addresses, uint32_t mtu_bytes) {
  if (!config) return;
  Writer message;
  put_message(message, *config, link.mac, addresses, mtu_bytes);
  const IpAddr source = link_local_address(link.mac);
  const IpAddr all_nodes = *parse_ip("ff02::1");
  Writer frame;
  frame.put(EthernetHeader{MacAddr::from_u64(0x3333'0000'0001), link.mac, be16(kEtherTypeIpv6)});
  frame.put(Ipv6Header{be32(uint32_t{6} << 28), be16(static_cast<uint16_t>(message.size())),
                       kIpProtocolIcmpv6, kNdHopLimit, source.bytes, all_nodes.bytes});
  link.router_advertisement = frame.take();
  const std::vector<uint8_t> rest = message.take();
  link.router_advertisement.insert(link.router_advertisement.end(), rest.begin(), rest.end());
  link.own_ipv6.push_back(address_key(source));
}

}  // namespace adit
