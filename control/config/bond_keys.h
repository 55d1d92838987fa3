// SPDX-License-Identifier: Apache-2.0
// `bond` of a port: its keys, and what of them fits together.
#pragma once

#include "config/draft.h"

namespace adit {

Section<BondDraft> bond_section();

// What of the bond does not fit the rest of its port.
void check_bond_port(Reader& reader, const PortDraft& port);

}  // namespace adit
