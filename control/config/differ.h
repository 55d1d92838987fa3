// SPDX-License-Identifier: Apache-2.0
// What the parts of diff_configs() share.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/diff.h"
#include "config/values.h"

namespace adit::config_differ {

inline std::string text(PollMode mode) {
  return mode == PollMode::kBusy ? "busy" : "adaptive";
}

inline std::string text(OffloadMode mode) {
  return mode == OffloadMode::kOff ? "off" : "auto";
}

inline std::string text(HugepageMode mode) {
  switch (mode) {
    case HugepageMode::kAuto:
      return "auto";
    case HugepageMode::kYes:
      return "yes";
    case HugepageMode::kNo:
      return "no";
  }
  return {};
}

inline std::string text(LogTarget target) {
  switch (target) {
    case LogTarget::kStderr:
      return "stderr";
    case LogTarget::kJournald:
      return "journald";
    case LogTarget::kSyslog:
      return "syslog";
  }
  return {};
}

inline std::string text(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return {};
}

inline std::string text(HeaderMode mode) {
  return mode == HeaderMode::kPipe ? "pipe" : "uniform";
}
inline std::string text(DfPolicy policy) {
  return policy == DfPolicy::kSet ? "set" : policy == DfPolicy::kClear ? "clear" : "inherit";
}
inline std::string text(TooBig rule) {
  return rule == TooBig::kIcmp ? "icmp" : rule == TooBig::kFragment ? "fragment" : "drop";
}

inline std::string text(bool value) {
  return value ? "true" : "false";
}
inline std::string text(const std::string& value) {
  return value;
}
inline std::string text(const Device& device) {
  return to_string(device);
}
inline std::string text(const MacAddr& mac) {
  return to_string(mac);
}
inline std::string text(const IpAddr& address) {
  return to_string(address);
}

template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) std::string text(T value) {
  return std::to_string(value);
}

inline std::string text(const MemberConfig& member) {
  std::string words = "port " + member.port;
  if (member.vlan) words += " vlan " + std::to_string(*member.vlan);
  return words;
}

enum class Takes { kReload, kRestart };

class Differ {
 public:
  ConfigDiff take() { return std::move(diff_); }

  void change(Takes takes, std::string line) {
    if (takes == Takes::kRestart) diff_.needs_restart.push_back(line);
    diff_.changes.push_back(std::move(line));
  }

  template <class T>
  void value(Takes takes, const std::string& key, const T& from, const T& to) {
    if (from != to) change(takes, key + ": " + text(from) + " -> " + text(to));
  }

  // A key that may be left out, which then means `absent`.
  template <class T>
  void value(Takes takes, const std::string& key, const std::optional<T>& from,
             const std::optional<T>& to, std::string_view absent) {
    if (from == to) return;
    const auto words = [&](const std::optional<T>& v) {
      return v ? text(*v) : std::string(absent);
    };
    change(takes, key + ": " + words(from) + " -> " + words(to));
  }

  // Two lists whose entries are known by `key`, in linear time. Calls removed(entry) in the
  // order of `from`, then added(entry) or both(old, new) in the order of `to`. Whether those that
  // stay do so in another order; that is a difference too.
  template <class Entry, class Key, class Removed, class Added, class Both>
  [[nodiscard]] static bool lists(const std::vector<Entry>& from, const std::vector<Entry>& to,
                                  Key key, Removed removed, Added added, Both both) {
    std::unordered_map<std::string, const Entry*> old;
    std::unordered_map<std::string, const Entry*> kept;
    for (const Entry& entry : to) kept.emplace(key(entry), &entry);
    for (const Entry& entry : from) {
      const std::string name = key(entry);
      if (!kept.contains(name)) removed(entry);
      old.emplace(name, &entry);
    }
    bool reordered = false;
    const Entry* last = nullptr;
    for (const Entry& entry : to) {
      const auto found = old.find(key(entry));
      if (found == old.end()) {
        added(entry);
        continue;
      }
      both(*found->second, entry);
      reordered = reordered || (last != nullptr && found->second < last);
      last = found->second;
    }
    return reordered;
  }

  // Lists whose entries are there or not: "<where>: <words> added", "<where>: order of <plural>
  // changed".
  template <class Entry, class Words>
  void presence(const std::string& where, const std::vector<Entry>& from,
                const std::vector<Entry>& to, const char* plural, Words words) {
    const bool reordered = lists(
        from, to, words,
        [&](const Entry& entry) {
          change(Takes::kReload, where + ": " + words(entry) + " removed");
        },
        [&](const Entry& entry) { change(Takes::kReload, where + ": " + words(entry) + " added"); },
        [](const Entry&, const Entry&) {});
    if (reordered) change(Takes::kReload, where + ": order of " + plural + " changed");
  }

 private:
  ConfigDiff diff_;
};

void diff_tunnel_options(Differ& out, const std::string& where, const TunnelOptions& from,
                         const TunnelOptions& to);
void diff_addresses(Differ& out, const std::string& where, const std::vector<IpPrefix>& from,
                    const std::vector<IpPrefix>& to);
void diff_advertisements(Differ& out, const std::string& where,
                         const std::optional<RouterAdvertisements>& from,
                         const std::optional<RouterAdvertisements>& to);
void diff_neighbours(Differ& out, const std::string& where,
                     const std::vector<NeighbourConfig>& from,
                     const std::vector<NeighbourConfig>& to);
void diff_networks(Differ& out, const std::vector<NetworkConfig>& from,
                   const std::vector<NetworkConfig>& to);
void diff_vrfs(Differ& out, const std::vector<VrfConfig>& from, const std::vector<VrfConfig>& to);
void diff_balancer(Differ& out, const BalancerConfig& from, const BalancerConfig& to);
void diff_services(Differ& out, const std::vector<ServiceConfig>& from,
                   const std::vector<ServiceConfig>& to);
void diff_classifier(Differ& out, const std::vector<MarkRuleConfig>& from,
                     const std::vector<MarkRuleConfig>& to);

}  // namespace adit::config_differ
