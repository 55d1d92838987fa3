// SPDX-License-Identifier: Apache-2.0
// The kinds of probes, one file each.
#pragma once

#include <memory>

#include "health/probe.h"

namespace adit {

std::shared_ptr<Probe> make_tcp_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target);
// HTTP and HTTPS.
std::shared_ptr<Probe> make_http_probe(const std::shared_ptr<ProbeContext>& context,
                                       const HealthTarget& target);
std::shared_ptr<Probe> make_icmp_probe(const std::shared_ptr<ProbeContext>& context,
                                       const HealthTarget& target);
std::shared_ptr<Probe> make_udp_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target);
std::shared_ptr<Probe> make_dns_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target);
std::shared_ptr<Probe> make_command_probe(const std::shared_ptr<ProbeContext>& context,
                                          const HealthTarget& target);

}  // namespace adit
