// SPDX-License-Identifier: Apache-2.0
#include "config/fwmark_rule_keys.h"

#include "config/limits.h"
#include "config/words.h"

namespace adit {
namespace {

// One address, or a subnet, whose host bits are checked later.
Parsed<IpPrefix> parse_destination(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return parse_route_prefix(text);
  const auto host = parse_host_address(text);
  if (!host.value) return {{}, host.complaint};
  return {IpPrefix{*host.value, static_cast<uint8_t>(host.value->width_bits())}, {}};
}

void check_ports(Reader& reader, const Places& at, const char* first_name, const char* last_name,
                 std::optional<uint16_t> first, std::optional<uint16_t> last) {
  if (!at.good(first_name) || !at.good(last_name) || !last) return;
  if (!first)
    reader.misfit(at.at(last_name),
                  std::string(last_name) + ": only valid with '" + first_name + '\'');
  else if (*last < *first)
    reader.misfit(at.at(last_name), std::string(last_name) + ": " + std::to_string(*last) +
                                        " is below " + first_name + ": " + std::to_string(*first) +
                                        "; the lower one is '" + first_name + '\'');
}

void check_rule(Reader& reader, FwmarkRuleDraft& rule) {
  const Places& at = rule.places;
  check_ports(reader, at, "port", "last_port", rule.port, rule.last_port);
  check_ports(reader, at, "source_port", "last_source_port", rule.source_port,
              rule.last_source_port);
}

}  // namespace

Section<FwmarkRuleDraft> fwmark_rule_section() {
  using R = FwmarkRuleConfig;
  constexpr const char* kForm =
      "an IP address such as 192.0.2.1, or a subnet such as 198.51.100.0/24 or 2001:db8:1::/48";
  Section<FwmarkRuleDraft> s;
  s.number("mark", &R::fwmark, 0, UINT32_MAX,
           "Firewall mark that matching connections get, which selects their service; 0: no mark, "
           "the address and port select the service.")
      .required();
  s.text("vrf", &R::vrf, parse_name, "the name of a VRF, or underlay", "VRF of the destinations.");
  s.texts("destinations", &FwmarkRuleDraft::destination_drafts, &R::destinations, parse_destination,
          kForm,
          "Virtual addresses that clients connect to, all of one IP version. Subnets have to be "
          "routed to us; for single addresses, ARP and ND are answered.",
          "An address, or a subnet.", kMaxFwmarkDestinations)
      .required();
  s.text("source", &R::source, parse_destination, kForm,
         "Address or subnet of the clients; default: all.");
  s.word("protocol", &R::protocol, "Protocol; default: all protocols.");
  s.number("port", &R::port, 1, 65535, "Destination port; default: all ports.")
      .range_end("last_port");
  s.number("last_port", &R::last_port, 1, 65535, "Last port of a range that begins at 'port'.");
  s.number("source_port", &R::source_port, 1, 65535,
           "Source port of the clients; default: all ports.")
      .range_end("last_source_port");
  s.number("last_source_port", &R::last_source_port, 1, 65535,
           "Last port of a range that begins at 'source_port'.");
  s.text("in_port", &R::in_port, parse_name, "the name of a port",
         "Port that packets arrive on, also inside tunnels; default: all.");
  s.check(check_rule);
  return s;
}

}  // namespace adit
