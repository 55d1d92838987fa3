// SPDX-License-Identifier: Apache-2.0
// The XDP program as a file, for DPDK's driver to load, and what is left of former ones.
#pragma once

#include <set>
#include <string>

#include "config/config.h"

namespace adit {

// Path of the compiled program, which is part of aditd; valid while this process runs. Throws
// std::runtime_error.
std::string steering_program_path();

// Makes sure that the interfaces of steered ports have no XDP program: one of ours whose aditd was
// killed is detached. Throws std::runtime_error, naming the port, if it is in use or someone
// else's.
void clear_steered_interfaces(const Config& config);
// The same of one steered port.
void clear_steered_interface(const PortConfig& port);

// Others than these may be another aditd's.
void release_interfaces_but(const std::set<std::string>& wanted);

}  // namespace adit
