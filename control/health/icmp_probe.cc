// SPDX-License-Identifier: Apache-2.0
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <boost/asio/ip/icmp.hpp>

#include "health/datagram_probe.h"
#include "health/echo_message.h"

namespace adit {
namespace {

// ICMP_FILTER of linux/icmp.h, which does not go together with net/if.h: a bit for each type
// that is not wanted.
constexpr int kIcmpFilter = 1;

class IcmpProbe final : public DatagramProbe<boost::asio::ip::icmp> {
 public:
  using DatagramProbe::DatagramProbe;

 private:
  void begin() override {
    const uint32_t number = context().next_echo();
    tag_.identifier = static_cast<uint16_t>(number);
    tag_.sequence = static_cast<uint16_t>(number >> 16);
    tag_.payload = uint64_t{context().random()()} << 32 | context().random()();
    exchange(echo_request(family(), tag_), 0);
  }

  // A raw socket hears every ICMP message from the peer: only echo replies are of interest, and
  // on loopback not our own request.
  bool opened(Socket& socket) override {
    int rc;
    if (family() == IpFamily::kV4) {
      const uint32_t unwanted = ~(1u << ICMP_ECHOREPLY);
      rc = setsockopt(socket.native_handle(), SOL_RAW, kIcmpFilter, &unwanted, sizeof unwanted);
    } else {
      icmp6_filter filter;
      ICMP6_FILTER_SETBLOCKALL(&filter);
      ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
      rc = setsockopt(socket.native_handle(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
    if (rc == 0) return true;
    fail("filter ICMP", {errno, boost::system::system_category()});
    return false;
  }

  void answered(std::span<const uint8_t> datagram) override {
    if (is_echo_reply(family(), tag_, datagram)) finish(Verdict::kUp, "echo reply");
  }

  // An alias may be of another family than the backend: that of a virtual address.
  IpFamily family() noexcept {
    const bool aliased = packet_way(context(), target()) != nullptr;
    return (aliased ? target().alias : target().address).family;
  }

  EchoTag tag_;
};

}  // namespace

std::shared_ptr<Probe> make_icmp_probe(const std::shared_ptr<ProbeContext>& context,
                                       const HealthTarget& target) {
  return std::make_shared<IcmpProbe>(context, target);
}

}  // namespace adit
