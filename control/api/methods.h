// SPDX-License-Identifier: Apache-2.0
// The methods of aditd's API: the catalogue's entries with the handlers that are bound to them.
#pragma once

#include <vector>

#include "api/method.h"

namespace adit {

// Exactly one of the two.
struct Binding {
  std::string_view name;
  HandleMethod* handler = nullptr;
  BeginMethod* begin = nullptr;
};

// Throws std::logic_error that names what has no handler, what has one of the other kind than its
// entry says, and what handler has no entry.
std::vector<Method> bind_methods(Catalogue catalogue, std::span<const Binding> bindings);

// All of them. The first call, when the daemon starts, throws as bind_methods().
MethodTable api_methods();

}  // namespace adit
