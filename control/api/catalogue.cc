// SPDX-License-Identifier: Apache-2.0
#include "api/catalogue.h"

#include <algorithm>
#include <array>
#include <functional>

#include "api/catalogue/balancer.h"
#include "api/catalogue/changes.h"
#include "api/catalogue/daemon.h"
#include "api/catalogue/forwarding.h"

namespace adit {
namespace {

template <size_t... sizes>
constexpr auto joined(const MethodInfo (&... parts)[sizes]) {
  std::array<MethodInfo, (sizes + ...)> all = {};
  size_t size = 0;
  const auto take = [&](const auto& part) {
    for (const MethodInfo& method : part) all[size++] = method;
  };
  (take(parts), ...);
  return all;
}

// In the order that help and docs/api.md list them.
constexpr auto kMethods =
    joined(methods::kChanging, methods::kForwarding, methods::kBalancer, methods::kDaemon);

template <class Range, class Projection>
constexpr bool are_unlike(const Range& range, Projection projection) {
  for (auto a = range.begin(); a != range.end(); ++a)
    for (auto b = range.begin(); b != a; ++b)
      if (std::invoke(projection, *a) == std::invoke(projection, *b)) return false;
  return true;
}
static_assert(are_unlike(kMethods, &MethodInfo::name));
static_assert(std::ranges::all_of(kMethods, [](const MethodInfo& method) {
  return !method.help.empty() && are_unlike(method.parameters, &Parameter::name) &&
         are_unlike(method.columns, &Column::key) && are_unlike(method.counted, &Column::key);
}));

}  // namespace

Catalogue catalogue() noexcept {
  return kMethods;
}

std::string_view to_string(ParameterType type) {
  switch (type) {
    case ParameterType::kString:
      return "string";
    case ParameterType::kUnsigned:
      return "unsigned integer";
    case ParameterType::kBoolean:
      return "boolean";
  }
  return {};
}

std::string described(const Parameter& parameter) {
  std::string text(parameter.help);
  if (parameter.is_bounded())
    text += ", " + std::to_string(parameter.min) + ".." + std::to_string(parameter.max);
  if (!parameter.fallback.empty()) text += "; " + std::string(parameter.fallback);
  return text;
}

}  // namespace adit
