// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/text.h"

#include <algorithm>
#include <array>

namespace adit {
namespace {

using namespace std::string_view_literals;

// YAML 1.2 section 5.2: a file begins with a byte order mark or with an ASCII character.
struct Encoding {
  std::string_view mark;   // what it begins with
  std::string_view first;  // without a mark: a zero where the first character has none
  const char* name;
};
constexpr std::array<Encoding, 4> kEncodings = {{
    {"\0\0\xfe\xff"sv, "000x", "UTF-32BE"},
    {"\xff\xfe\0\0"sv, "x000", "UTF-32LE"},
    {"\xfe\xff"sv, "0x", "UTF-16BE"},
    {"\xff\xfe"sv, "x0", "UTF-16LE"},
}};

bool begins_as(std::string_view bytes, std::string_view first) {
  // Of two characters, as a text is no single one.
  if (bytes.size() < 2 * first.size()) return false;
  for (size_t i = 0; i < 2 * first.size(); ++i)
    if ((bytes[i] == '\0') != (first[i % first.size()] == '0')) return false;
  return true;
}

const char* other_encoding(std::string_view bytes) {
  for (const Encoding& encoding : kEncodings)
    if (bytes.starts_with(encoding.mark) || begins_as(bytes, encoding.first)) return encoding.name;
  return nullptr;
}

// What every character is in most files: printable ASCII, a tab or an end of line.
constexpr std::array<bool, 256> kIsUsual = [] {
  std::array<bool, 256> all = {};
  for (unsigned char c = ' '; c < 0x7f; ++c) all[c] = true;
  for (const unsigned char c : {'\t', '\n', '\r'}) all[c] = true;
  return all;
}();

// A pass without a branch: the many that follow look for what is not there.
bool is_usual(std::string_view bytes) {
  bool usual = true;
  for (const char c : bytes) usual &= kIsUsual[static_cast<unsigned char>(c)];
  return usual;
}

constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

// No-break, ideographic and other spaces, which editors show like the one that indents.
size_t bytes_of_odd_space(std::string_view text) {
  for (const std::string_view space :
       {"\xc2\xa0"sv, "\xe3\x80\x80"sv, "\xe2\x80\xaf"sv, "\xe2\x81\x9f"sv})
    if (text.starts_with(space)) return space.size();
  const bool typographic = text.size() >= 3 && text.starts_with("\xe2\x80") &&
                           static_cast<unsigned char>(text[2]) >= 0x80 &&
                           static_cast<unsigned char>(text[2]) <= 0x8b;
  return typographic ? 3 : 0;
}

// Length of the UTF-8 sequence that the text begins with (RFC 3629 section 4); 0: it is none.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t bytes = first < 0xc2   ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf5 ? 4
                                      : 0;
  if (bytes == 0 || bytes > text.size()) return 0;
  const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (size_t i = 2; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return bytes;
}

// The first byte outside of comments that is no UTF-8, or a byte order mark that does not begin the
// file; npos: none is there.
size_t find_odd_character(std::string_view bytes) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  for (size_t at = bytes.starts_with(kMark) ? kMark.size() : 0; at < bytes.size();) {
    const bool comment =
        bytes[at] == '#' && (at == 0 || " \t\r\n"sv.find(bytes[at - 1]) != std::string_view::npos);
    if (comment) {
      at = std::min(bytes.find('\n', at), bytes.size());
      continue;
    }
    const size_t length = character_bytes(bytes.substr(at));
    if (length == 0 || bytes.substr(at).starts_with(kMark)) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string hexadecimal(unsigned value, unsigned digits) {
  std::string text;
  for (unsigned i = digits; i-- > 0;) text += "0123456789abcdef"[value >> 4 * i & 15];
  return text;
}

Place place_at(std::string_view bytes, size_t offset) {
  const std::string_view before = bytes.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const std::string_view line = before.substr(newline == before.npos ? 0 : newline + 1);
  // Bytes within a character do not count.
  const auto column =
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return {static_cast<unsigned>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<unsigned>(column) + 1};
}

}  // namespace

size_t find_odd_space(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at)
    if (bytes_of_odd_space(text.substr(at)) != 0) return at;
  return std::string_view::npos;
}

std::optional<ConfigMistake> why_no_text(std::string_view bytes, const std::string& file) {
  const auto mistake = [&](size_t offset, std::string message) {
    const Place place = place_at(bytes, offset);
    return ConfigMistake{file, place.line, place.column, std::move(message), MistakeKind::kSyntax};
  };
  if (is_usual(bytes)) return std::nullopt;
  if (const char* encoding = other_encoding(bytes))
    return mistake(0, "this file is in " + std::string(encoding) +
                          "; expected UTF-8, which 'iconv -f " + encoding +
                          " -t UTF-8' makes of it");
  const auto control = std::find_if(bytes.begin(), bytes.end(), is_control);
  if (control != bytes.end()) {
    const auto offset = static_cast<size_t>(control - bytes.begin());
    if (*control == '\0')
      return mistake(offset,
                     "here is a NUL byte (0x00), which is not text: the file is damaged, or is not "
                     "a configuration; expected text in UTF-8");
    return mistake(offset, "here is a control character (0x" +
                               hexadecimal(static_cast<unsigned char>(*control), 2) +
                               "), which YAML does not permit; delete it");
  }
  if (const size_t odd = find_odd_character(bytes); odd != bytes.npos) {
    if (bytes[odd] == '\xef' && character_bytes(bytes.substr(odd)) != 0)
      return mistake(odd,
                     "here is a byte order mark (U+FEFF), perhaps from joining two files; it is "
                     "only valid at the begin of a file, delete it");
    return mistake(odd, "here is a byte (0x" +
                            hexadecimal(static_cast<unsigned char>(bytes[odd]), 2) +
                            ") that is not UTF-8; expected UTF-8, which 'iconv -f ISO-8859-1 -t "
                            "UTF-8' makes of a file in Latin-1");
  }
  for (size_t line = 0; line < bytes.size();) {
    const size_t first = std::min(bytes.find_first_not_of(" \t", line), bytes.size());
    if (first < bytes.size() && bytes_of_odd_space(bytes.substr(first)) != 0)
      return mistake(first,
                     "this line is indented with a character that only looks like a space, such "
                     "as a no-break space, which YAML does not count; indent with spaces alone");
    line = std::min(bytes.find('\n', first), bytes.size() - 1) + 1;
  }
  return std::nullopt;
}

}  // namespace adit
