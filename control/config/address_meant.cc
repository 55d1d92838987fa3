// SPDX-License-Identifier: Apache-2.0
#include "config/address_meant.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "adit/addr.h"

namespace adit {
namespace {

constexpr std::string_view kDecimalDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

std::string advice(const std::string& text) {
  return "; write " + text;
}

bool is_all(std::string_view text, std::string_view of) {
  return !text.empty() && text.find_first_not_of(of) == text.npos;
}

// 192.000.002.001: without the zeros. Who reads them as octal would have to say so.
std::string without_zeros(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = i == 0 || text[i - 1] == '.';
    size_t at = i;
    if (begins)
      while (at + 1 < text.size() && text[at] == '0' &&
             kDecimalDigits.find(text[at + 1]) != text.npos)
        ++at;
    i = at;
    plain += text[i];
  }
  return plain;
}

std::optional<IpAddr> ip_meant(std::string_view text) {
  if (const auto ip = parse_ip(text)) return ip;
  if (text.starts_with('[') && text.ends_with(']'))
    return parse_ip(text.substr(1, text.size() - 2));
  if (is_all(text, "0123456789.")) return parse_ip(without_zeros(text));
  return std::nullopt;
}

// Of a mask, or of its inverse; nothing: its bits are not in one piece.
std::optional<unsigned> length_of(const IpAddr& mask) {
  if (!mask.is_v4()) return std::nullopt;
  uint32_t bits = mask.as_v4().host();
  if (bits >> 31 == 0) bits = ~bits;
  const auto ones = static_cast<unsigned>(std::countl_one(bits));
  if (ones < 32 && bits << ones != 0) return std::nullopt;
  return ones;
}

}  // namespace

std::string mac_meant(std::string_view text) {
  std::string digits;
  if (text.find_first_of(":-") != text.npos && text.find('.') == text.npos) {
    // Octets of one digit, too.
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find_first_of(":-", at), text.size());
      const std::string_view octet = text.substr(at, end - at);
      if (octet.size() == 1) digits += '0';
      digits += octet;
      at = end + 1;
    }
  } else {
    std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
                 [](char c) { return c != '.'; });
  }
  if (digits.size() != 12 || !is_all(digits, kHexDigits)) return {};
  std::string plain;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && i % 2 == 0) plain += ':';
    plain += digits[i] >= 'A' && digits[i] <= 'F' ? static_cast<char>(digits[i] | 0x20) : digits[i];
  }
  return advice(plain);
}

std::string prefix_meant(std::string_view text) {
  const size_t end = text.find_first_of("/ ");
  const auto ip = ip_meant(text.substr(0, end));
  if (!ip) return {};
  if (end == text.npos)
    return advice(to_string(*ip) + '/' + std::to_string(ip->width_bits())) + " for it alone";
  std::string_view rest = text.substr(end);
  rest.remove_prefix(std::min(rest.find_first_not_of("/ "), rest.size()));
  const auto mask = parse_ip(rest);
  if (mask && ip->is_v4() && mask->is_v4()) {
    const auto length = length_of(*mask);
    if (!length) return "; no prefix has this mask";
    return advice(to_string(*ip) + '/' + std::to_string(*length));
  }
  // The address was wrong, or the length has leading zeroes.
  if (rest.empty() || !is_all(rest, kDecimalDigits) || rest.size() > 3) return {};
  const unsigned length = static_cast<unsigned>(std::stoul(std::string(rest)));
  if (length == 0 || length > ip->width_bits()) return {};
  return advice(to_string(*ip) + '/' + std::to_string(length));
}

std::string address_meant(std::string_view text) {
  if (const auto ip = ip_meant(text)) return advice(to_string(*ip));
  if (const auto ip = parse_ip(text.substr(0, text.find('%'))))
    return advice(to_string(*ip)) + ", without the interface";
  if (const auto ip = ip_meant(text.substr(0, text.find_first_of("/ "))))
    return advice(to_string(*ip));
  const auto ip = ip_meant(text.substr(0, text.rfind(':')));
  if (ip && is_all(text.substr(text.rfind(':') + 1), kDecimalDigits))
    return advice(to_string(*ip)) + ", without the port";
  return {};
}

}  // namespace adit
