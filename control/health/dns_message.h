// SPDX-License-Identifier: Apache-2.0
// A DNS query and what an answer to it says (RFC 1035 section 4), by libc's resolver functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "health/check_options.h"

namespace adit {

// A query with that id, for recursion. Empty: `name` is no domain name.
std::vector<uint8_t> dns_query(const DnsCheck& check, uint16_t id);

struct DnsAnswer {
  bool good = false;   // NOERROR, and at least one whole record in the answer section
  std::string detail;  // "NOERROR, 2 answers", "NXDOMAIN", ...
};

// None: no answer to that query (another id, another question, or no response).
std::optional<DnsAnswer> read_dns_answer(std::span<const uint8_t> message, const DnsCheck& check,
                                         uint16_t id);

}  // namespace adit
