// SPDX-License-Identifier: Apache-2.0
// Addresses that are written as other systems do, and how they are written here. To be said in a
// message; empty: it is none of these.
#pragma once

#include <string>
#include <string_view>

namespace adit {

// "; write 02:00:5e:00:53:01", of 0200.5e00.5301, 02-00-5e-00-53-01, 02005e005301, 2:0:5e:0:53:1.
std::string mac_meant(std::string_view text);

// "; write 10.0.0.0/8", of 10.0.0.0/255.0.0.0, 10.0.0.0 255.0.0.0, 10.0.0.0/0.255.255.255,
// 010.0.0.0/8 and of an address alone.
std::string prefix_meant(std::string_view text);

// "; write 192.0.2.1", of 192.0.2.1:80, [2001:db8::1], 192.000.002.001, fe80::1%eth0.
std::string address_meant(std::string_view text);

}  // namespace adit
