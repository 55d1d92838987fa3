// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ip/udp.hpp>

#include "health/datagram_probe.h"
#include "health/dns_message.h"

namespace adit {
namespace {

class DnsProbe final : public DatagramProbe<boost::asio::ip::udp> {
 public:
  using DatagramProbe::DatagramProbe;

 private:
  void begin() override {
    id_ = static_cast<uint16_t>(context().random()());
    const auto query = dns_query(question().dns, id_);
    if (query.empty())
      return finish(Verdict::kDown, "\"" + question().dns.name + "\" is not a domain name");
    exchange(query, port());
  }

  void answered(std::span<const uint8_t> datagram) override {
    const auto answer = read_dns_answer(datagram, question().dns, id_);
    if (answer) finish(answer->good ? Verdict::kUp : Verdict::kDown, answer->detail);
  }

  uint16_t id_ = 0;
};

}  // namespace

std::shared_ptr<Probe> make_dns_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target) {
  return std::make_shared<DnsProbe>(context, target);
}

}  // namespace adit
