// SPDX-License-Identifier: Apache-2.0
#include "connection_owners.h"

#include "balance/service_connections.h"

namespace adit {

// In the order of OwnerKind.
constinit const ConnectionOwners kConnectionOwners = {&kServiceConnections};

}  // namespace adit
