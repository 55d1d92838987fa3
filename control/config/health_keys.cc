// SPDX-License-Identifier: Apache-2.0
#include "config/health_keys.h"

#include <algorithm>
#include <iterator>

#include "base/nearest_name.h"
#include "config/shared_keys.h"
#include "config/words.h"

namespace adit {
namespace {

constexpr uint64_t kMostStatus = 16;
constexpr uint64_t kMostWords = 32;
constexpr uint64_t kDaySeconds = 86400;

Parsed<std::string> parse_bytes(std::string_view text, size_t least, size_t most) {
  if (text.size() >= least && text.size() <= most) return {std::string(text), {}};
  return {{}, "expected " + std::to_string(least) + " to " + std::to_string(most) + " bytes"};
}

Parsed<std::string> parse_path(std::string_view text) {
  if (text.size() <= 1024 && text.starts_with('/') && is_visible_ascii(text))
    return {std::string(text), {}};
  return {{}, "expected up to 1024 visible ASCII characters from a slash on"};
}

Parsed<std::string> parse_host(std::string_view text) {
  if (!text.empty() && text.size() <= 255 && is_visible_ascii(text)) return {std::string(text), {}};
  return {{}, "expected 1 to 255 visible ASCII characters"};
}

Parsed<std::string> parse_file(std::string_view text) {
  const bool plain =
      std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; });
  if (text.starts_with('/') && text.size() <= 4095 && plain) return {std::string(text), {}};
  return {{}, "expected an absolute path"};
}

Parsed<StatusRange> parse_status(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_decimal(text.substr(0, dash), 100, 599);
  const auto last =
      dash == std::string_view::npos ? first : parse_decimal(text.substr(dash + 1), 100, 599);
  if (first.value && last.value && *first.value <= *last.value)
    return {StatusRange{static_cast<uint16_t>(*first.value), static_cast<uint16_t>(*last.value)},
            {}};
  return {{}, "expected a status from 100 to 599, or two with a dash, the lower first"};
}

// The name as a query has it; internationalised ones in their ASCII form.
Parsed<std::string> parse_domain(std::string_view text) {
  const Parsed<std::string> wrong{{}, "expected a domain name such as example.org, or ."};
  if (text == ".") return {std::string(text), {}};
  const std::string_view name = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  if (name.empty() || name.size() > 253) return wrong;
  size_t label = 0;
  for (const char c : name) {
    const bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                         (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !allowed || label == 63) return wrong;
    label = c == '.' ? 0 : label + 1;
  }
  return label == 0 ? wrong : Parsed<std::string>{std::string(text), {}};
}

Section<HttpDraft> http_section() {
  using H = HttpCheck;
  Section<HttpDraft> s;
  s.text("path", &H::path, parse_path, "a path from / on",
         "Path to request, with a query if needed.");
  s.text("host", &H::host, parse_host, "a host name",
         "Host header; default: the address and port of the backend.");
  s.texts("status", &HttpDraft::status_drafts, &H::status, parse_status,
          "a status such as 200, or two as in 200-399",
          "Expected status codes; default: 200-399. Redirects are not followed.",
          "One status code, or a range.", kMostStatus);
  s.text(
      "body", &H::body, [](std::string_view text) { return parse_bytes(text, 1, 1024); },
      "1 to 1024 bytes", "Text that the first 64 KiB of the body must contain.");
  s.text("sni", &H::sni, parse_host, "a host name",
         "https: server name to request and to verify; default: 'host' if it is a name.");
  s.flag("verify", &H::verify,
         "https: verify the certificate's chain and name. If false, results say that the "
         "certificate was not verified.");
  s.text("ca_file", &H::ca_file, parse_file, "the absolute path of a PEM file",
         "https: certificate authorities for 'verify'; default: those of the system.");
  s.check([](Reader& reader, HttpDraft& http) {
    const Places& at = http.places;
    if (!http.status_drafts.empty()) http.status.clear();
    for (const auto& range : http.status_drafts) http.status.push_back(range.value);
    if (at.has("ca_file") && !http.verify && at.good("verify"))
      reader.misfit(at.at("ca_file"), "ca_file: only valid with 'verify: true'");
  });
  return s;
}

Section<UdpCheck> udp_section() {
  using U = UdpCheck;
  Section<U> s;
  s.text(
      "payload", &U::payload, [](std::string_view text) { return parse_bytes(text, 0, 1400); },
      "up to 1400 bytes", "Payload to send; default: empty.");
  s.text(
      "expect", &U::expect, [](std::string_view text) { return parse_bytes(text, 1, 1400); },
      "1 to 1400 bytes", "Text that the answer must contain; default: any answer is accepted.");
  s.word("silence", &U::silence, "State of a backend that does not answer.");
  return s;
}

Section<DnsCheck> dns_section() {
  std::vector<Word<DnsType>> types;
  for (const DnsTypeInfo& info : kDnsTypes) types.emplace_back(info.name.data(), info.type);
  Section<DnsCheck> s;
  s.text("name", &DnsCheck::name, parse_domain, "a domain name", "Name to resolve.");
  s.word("type", &DnsCheck::type, std::move(types), "Record type to query.");
  return s;
}

Section<DampingDraft> damping_section() {
  using D = Damping;
  Section<DampingDraft> s;
  s.number("changes", &D::changes, 0, 100,
           "Number of state changes within the window after which a backend is held down; 0: "
           "never; 1 is not allowed.");
  s.number("window_s", &D::window_s, 1, kDaySeconds, "Length of the window in seconds.");
  s.number(
      "hold_s", &D::hold_s, 1, kDaySeconds,
      "Seconds for which a backend is held down the first time; doubled each time it flaps again.");
  s.number("max_hold_s", &D::max_hold_s, 1, kDaySeconds,
           "Maximum number of seconds for which a backend is held down.");
  s.check([](Reader& reader, DampingDraft& damping) {
    const Places& at = damping.places;
    if (damping.changes == 1)
      reader.misfit(at.at("changes"),
                    "changes: found 1, expected 0, which means never, or a number from 2 on");
    if (damping.max_hold_s < damping.hold_s && at.good("hold_s") && at.good("max_hold_s"))
      reader.misfit(at.at("max_hold_s"), "max_hold_s: " + std::to_string(damping.max_hold_s) +
                                             " is below hold_s: " + std::to_string(damping.hold_s));
  });
  return s;
}

// Keys that belong to some kinds only.
struct KindKey {
  const char* key;
  std::vector<CheckKind> kinds;
};

void check_keys_of_kinds(Reader& reader, const HealthDraft& health) {
  static const std::vector<KindKey> kKeys = {
      {"http", {CheckKind::kHttp, CheckKind::kHttps}},
      {"udp", {CheckKind::kUdp}},
      {"dns", {CheckKind::kDns}},
      {"command", {CheckKind::kCommand}},
      {"user", {CheckKind::kCommand}},
      {"port",
       {CheckKind::kTcp, CheckKind::kHttp, CheckKind::kHttps, CheckKind::kUdp, CheckKind::kDns}}};
  const Places& at = health.places;
  for (const auto& [key, kinds] : kKeys) {
    if (!at.has(key) || std::ranges::find(kinds, *health.wanted) != kinds.end()) continue;
    std::string words;
    for (const CheckKind kind : kinds)
      words += (words.empty() ? "" : ", ") + std::string(info_of(kind).name);
    reader.misfit(at.at(key), std::string(key) + ": only valid with 'kind: " + words + "'");
  }
}

void check_health(Reader& reader, HealthDraft& health) {
  const Places& at = health.places;
  if (!at.good("kind") || !health.wanted) return;
  health.kind = *health.wanted;
  for (const auto& word : health.command_drafts) health.command.argv.push_back(word.value);
  health.command.user = health.user;
  check_keys_of_kinds(reader, health);
  const Places& http = health.http.places;
  for (const char* key : {"sni", "verify", "ca_file"})
    if (health.kind == CheckKind::kHttp && http.has(key))
      reader.misfit(http.at(key), std::string(key) + ": only valid with 'kind: https'");
  if (health.kind == CheckKind::kCommand && at.good("command")) {
    if (health.command.argv.empty())
      reader.misfit(at.at("command"),
                    "command: 'kind: command' needs the program and its words, as a list");
    else if (!health.command.argv[0].starts_with('/'))
      reader.misfit(at.at("command"), "command: the program " + in_quotes(health.command.argv[0]) +
                                          " is not an absolute path");
  }
  const bool by_host = at.has("device") || at.has("source");
  health.way = health.wanted_way.value_or(by_host ? CheckWay::kHost : CheckWay::kPackets);
  for (const char* key : {"device", "source"})
    if (at.has(key) && at.good("way") && health.way == CheckWay::kPackets)
      reader.misfit(at.at(key), std::string(key) + ": only valid with 'way: host'");
  // With a shorter interval, the default timeout is lowered to it.
  if (!at.has("timeout_ms")) health.timeout_ms = std::min(health.timeout_ms, health.interval_ms);
  if (health.timeout_ms > health.interval_ms && at.good("timeout_ms") && at.good("interval_ms"))
    reader.misfit(at.at("timeout_ms"),
                  "timeout_ms: " + std::to_string(health.timeout_ms) +
                      " is more than interval_ms: " + std::to_string(health.interval_ms));
}

}  // namespace

std::string to_string(const StatusRange& range) {
  const std::string first = std::to_string(range.first);
  return range.last == range.first ? first : first + '-' + std::to_string(range.last);
}

Section<HealthDraft> health_section() {
  using H = HealthDraft;
  std::vector<Word<std::optional<CheckKind>>> kinds = {{"none", std::nullopt}};
  for (size_t i = 0; i < kCheckKinds.size(); ++i)
    kinds.emplace_back(kCheckKinds[i].name.data(), static_cast<CheckKind>(i));
  Section<H> s;
  s.word("kind", &H::wanted, std::move(kinds),
         "Kind of check; none: no check, backends count as up.");
  s.number("interval_ms", &H::interval_ms, 100, 3600000,
           "Milliseconds between the starts of two checks, varied by 10%.");
  s.number("timeout_ms", &H::timeout_ms, 10, 3600000,
           "Timeout of a whole check in milliseconds, at most 'interval_ms'.");
  s.number("rise", &HealthRules::rise, 1, 100,
           "Number of successive successes after which a backend is up.");
  s.number("fall", &HealthRules::fall, 1, 100,
           "Number of successive failures after which a backend is down.");
  s.word("initial", &HealthRules::initial, "State of a backend before its first result.");
  s.number("port", &CheckQuestion::port, 1, 65535,
           "Port to check; default: that of the backend, else that of the service.")
      .absent("the backend's");
  s.text("device", &CheckQuestion::device, parse_interface_name,
         "the name of an interface of the host",
         "Interface of the host that checks use, instead of the packets' way.");
  s.text("source", &CheckQuestion::source, parse_host_address, kHostAddress,
         "Source address of checks, an address of the host, with its routes or 'device'; default: "
         "by the routes of the host.");
  s.word("way", &HealthDraft::wanted_way,
         "Which way checks take. packets: as packets of clients do, through the VRF, network and "
         "tunnel of the backend, and by its forwarding method; host: by the routes of this host. "
         "Default: packets, or host with 'device' or 'source'.")
      .absent("packets, or host with 'device' or 'source'");
  s.section("damping", &H::damping, damping_section(),
            "Damping: backends that flap are held down for some time.");
  s.section("http", &H::http, http_section(), "Options of kinds http and https.");
  s.section("udp", &CheckQuestion::udp, udp_section(), "Options of kind udp.");
  s.section("dns", &CheckQuestion::dns, dns_section(), "Options of kind dns.");
  s.texts(
      "command", &H::command_drafts, [](const H& health) -> auto& { return health.command.argv; },
      [](std::string_view text) { return parse_bytes(text, 1, 4096); }, "1 to 4096 bytes",
      "For kind command: the program as an absolute path, and its arguments. No shell interprets "
      "them.",
      "An argument.", kMostWords);
  s.text("user", &HealthDraft::user, parse_account, kAccount,
         "For kind command: the account that the program runs as.");
  s.check(check_health);
  return s;
}

std::optional<HealthOptions> finished(HealthDraft draft) {
  if (!draft.wanted) return std::nullopt;
  HealthOptions options;
  options.rules = draft;
  options.rules.damping = draft.damping;
  options.interval_ms = draft.interval_ms;
  options.timeout_ms = draft.timeout_ms;
  options.question = std::move(static_cast<CheckQuestion&>(draft));
  options.question.http = std::move(draft.http);
  return options;
}

std::optional<HealthDraft> draft_of(const std::optional<HealthOptions>& options) {
  if (!options) return std::nullopt;
  HealthDraft draft;
  static_cast<CheckQuestion&>(draft) = options->question;
  static_cast<HealthRules&>(draft) = options->rules;
  draft.wanted = options->question.kind;
  const bool by_host = !options->question.device.empty() || options->question.source;
  if (options->question.way != (by_host ? CheckWay::kHost : CheckWay::kPackets))
    draft.wanted_way = options->question.way;
  draft.interval_ms = options->interval_ms;
  draft.timeout_ms = options->timeout_ms;
  static_cast<Damping&>(draft.damping) = options->rules.damping;
  static_cast<HttpCheck&>(draft.http) = options->question.http;
  draft.user = options->question.command.user;
  return draft;
}

}  // namespace adit
