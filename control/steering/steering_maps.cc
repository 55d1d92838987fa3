// SPDX-License-Identifier: Apache-2.0
#include "steering/steering_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "adit/descriptor.h"

namespace adit {
namespace {

constexpr std::string_view kProgramName = "adit_steering";
constexpr std::array<std::string_view, 5> kMapNames = {"scopes", "endpoints", "prefixes", "own",
                                                       "counters"};

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

bpf_prog_info info_of(int program_fd) {
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0)
    fail("cannot ask about an XDP program", errno);
  return info;
}

}  // namespace

XdpProgram find_xdp_program(unsigned if_index) {
  XdpProgram found;
  bpf_xdp_query_opts options{};
  options.sz = sizeof options;
  if (const int error = bpf_xdp_query(static_cast<int>(if_index), 0, &options); error != 0)
    fail("cannot ask for its XDP program", -error);
  found.is_generic = options.attach_mode == XDP_ATTACHED_SKB;
  found.id = options.prog_id;
  if (found.id == 0) return found;
  const Descriptor program(bpf_prog_get_fd_by_id(found.id));
  if (program.get() < 0) {
    if (errno == ENOENT) return {};  // gone meanwhile
    fail("cannot open its XDP program " + std::to_string(found.id), errno);
  }
  found.name = info_of(program.get()).name;
  found.is_ours = found.name == kProgramName;
  return found;
}

SteeringMaps::SteeringMaps(uint32_t program_id) : SteeringMaps() {
  const Descriptor program(bpf_prog_get_fd_by_id(program_id));
  if (program.get() < 0) fail("cannot open XDP program " + std::to_string(program_id), errno);
  find_maps(program.get());
}

SteeringMaps SteeringMaps::of_program(int program_fd) {
  SteeringMaps maps;
  maps.find_maps(program_fd);
  return maps;
}

SteeringMaps::SteeringMaps(SteeringMaps&& other) noexcept
    : fds_(other.fds_), applied_(std::move(other.applied_)) {
  other.fds_.fill(-1);
}

SteeringMaps::~SteeringMaps() {
  for (int fd : fds_)
    if (fd >= 0) close(fd);
}

void SteeringMaps::find_maps(int program_fd) {
  std::array<uint32_t, 16> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<uintptr_t>(ids.data());
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0)
    fail("cannot ask for the maps of an XDP program", errno);
  for (uint32_t i = 0; i < std::min<uint32_t>(info.nr_map_ids, ids.size()); ++i) {
    Descriptor map(bpf_map_get_fd_by_id(ids[i]));
    if (map.get() < 0) fail("cannot open a map of an XDP program", errno);
    bpf_map_info about{};
    size = sizeof about;
    if (bpf_obj_get_info_by_fd(map.get(), &about, &size) != 0)
      fail("cannot ask about a map of an XDP program", errno);
    const auto name = std::find(kMapNames.begin(), kMapNames.end(), about.name);
    if (name == kMapNames.end()) continue;
    int& fd = fds_[static_cast<size_t>(name - kMapNames.begin())];
    if (fd < 0) fd = map.release();
  }
  static_assert(kMapNames.size() == kMaps);
  if (std::find(fds_.begin(), fds_.end(), -1) != fds_.end())
    throw std::runtime_error("an XDP program of another version of adit's is on the interface");
}

void SteeringMaps::update(Map map, const void* key, const void* value) {
  if (bpf_map_update_elem(fds_[map], key, value, BPF_ANY) != 0)
    fail("cannot write map " + std::string(kMapNames[map]) + " of the XDP program" +
             (errno == E2BIG || errno == ENOSPC ? ", which is full" : ""),
         errno);
}

// New keys first, then the others' removal: a packet in between finds one of both. Services come
// last: where they do not fit, the rest works.
void SteeringMaps::apply(SteeringRules rules) {
  const uint32_t zero = 0;
  steering_own own{};
  std::copy(rules.mac.bytes.begin(), rules.mac.bytes.end(), own.mac);
  update(kOwn, &zero, &own);
  for (const auto& [prefix, owner] : rules.prefixes) {
    const auto before = applied_.prefixes.find(prefix);
    if (before != applied_.prefixes.end() && before->second == owner) continue;
    const auto value = static_cast<uint8_t>(owner);
    update(kPrefixes, &prefix, &value);
    applied_.prefixes[prefix] = owner;
  }
  add_endpoints(rules, [](const steering_endpoint& one) { return one.protocol == 0; });
  for (const auto& [vlan, scope] : applied_.scopes)
    if (!rules.scopes.contains(vlan)) {
      const steering_scope none{};
      update(kScopes, &vlan, &none);
    }
  for (const auto& [vlan, scope] : rules.scopes) {
    applied_.scopes[vlan] = scope;
    update(kScopes, &vlan, &scope);
  }
  try {
    add_endpoints(rules, [](const steering_endpoint& one) { return one.protocol != 0; });
  } catch (const std::runtime_error&) {
    remove_others(rules);  // there is room the next time
    throw;
  }
  remove_others(rules);
  applied_ = std::move(rules);
}

template <class Filter>
void SteeringMaps::add_endpoints(const SteeringRules& rules, Filter is_wanted) {
  const uint8_t yes = 1;
  for (const steering_endpoint& endpoint : rules.endpoints)
    if (is_wanted(endpoint) && !applied_.endpoints.contains(endpoint)) {
      update(kEndpoints, &endpoint, &yes);
      applied_.endpoints.insert(endpoint);
    }
}

// A key that is not there any more has gone as it should.
void SteeringMaps::remove_others(const SteeringRules& rules) {
  std::erase_if(applied_.endpoints, [&](const steering_endpoint& endpoint) {
    if (rules.endpoints.contains(endpoint)) return false;
    bpf_map_delete_elem(fds_[kEndpoints], &endpoint);
    return true;
  });
  std::erase_if(applied_.prefixes, [&](const auto& prefix) {
    if (rules.prefixes.contains(prefix.first)) return false;
    bpf_map_delete_elem(fds_[kPrefixes], &prefix.first);
    return true;
  });
}

SteeringCounters SteeringMaps::counters() const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) fail("cannot count processors", -cpus);
  SteeringCounters counters{};
  std::vector<uint64_t> values(static_cast<size_t>(cpus));
  for (uint32_t reason = 0; reason < counters.size(); ++reason) {
    if (bpf_map_lookup_elem(fds_[kCounters], &reason, values.data()) != 0)
      fail("cannot read the XDP program's counters", errno);
    for (uint64_t value : values) counters[reason] += value;
  }
  return counters;
}

}  // namespace adit
