// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ip/udp.hpp>
#include <string_view>

#include "health/datagram_probe.h"

namespace adit {
namespace {

class UdpProbe final : public DatagramProbe<boost::asio::ip::udp> {
 public:
  using DatagramProbe::DatagramProbe;

 private:
  void begin() override {
    const std::string& payload = question().udp.payload;
    exchange({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}, port());
  }

  void answered(std::span<const uint8_t> datagram) override {
    const std::string_view text(reinterpret_cast<const char*>(datagram.data()), datagram.size());
    const std::string size = std::to_string(datagram.size()) + " bytes";
    if (text.find(question().udp.expect) == std::string_view::npos)
      return finish(Verdict::kDown, "the answer of " + size + " is not what is expected");
    finish(Verdict::kUp, "answered with " + size);
  }

  void time_out() override {
    if (question().udp.silence == Silence::kDown) return Probe::time_out();
    finish(Verdict::kUp, "no answer within " + std::to_string(target().options.timeout_ms) +
                             " ms, and no refusal");
  }
};

}  // namespace

std::shared_ptr<Probe> make_udp_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target) {
  return std::make_shared<UdpProbe>(context, target);
}

}  // namespace adit
