// SPDX-License-Identifier: Apache-2.0
// What a link's hosts are told of us as their router (RFC 4861 section 4.2), as a frame.
#pragma once

#include "adit/snapshot.h"
#include "config/config.h"
#include "config/link_local.h"

namespace adit {

// Makes the link, whose MAC is there already, advertise us: its frame, and the link-local address
// that this comes from, which hosts then ask for. Nothing where `config` is none. `mtu_bytes`: of
// IP packets on the link.
void add_advertisement(Interface& link, const std::optional<RouterAdvertisements>& config,
                       const std::vector<IpPrefix>& addresses, uint32_t mtu_bytes);

}  // namespace adit
