// SPDX-License-Identifier: Apache-2.0
#include "reference/man_text.h"

#include <algorithm>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/value_semantic.hpp>

namespace adit {
namespace {

// No character of it is a command to roff.
std::string escaped(std::string_view text) {
  std::string out;
  bool bold = false;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '`')
      out += (bold = !bold) ? "\\fB" : "\\fR";
    else
      out += c;
  }
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

}  // namespace

ManText::ManText(std::string_view name, int section, std::string_view what) {
  std::string title(name);
  for (char& c : title)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  text_ = ".\\\" made by adit-reference\n.TH \"" + escaped(title) + "\" " +
          std::to_string(section) + " \"\" \"adit " ADIT_VERSION "\"\n.nh\n.ad l\n";
  head("NAME");
  text_ += escaped(name) + " \\- " + escaped(what) + '\n';
}

void ManText::head(std::string_view title) {
  text_ += ".SH " + escaped(title) + '\n';
}

void ManText::subhead(std::string_view title) {
  text_ += ".SS " + escaped(title) + '\n';
}

void ManText::paragraph(std::string_view text) {
  text_ += ".PP\n" + escaped(text) + '\n';
}

void ManText::item(std::string_view tag, std::string_view text) {
  text_ += ".TP\n" + bold(tag) + '\n' + escaped(text) + '\n';
}

void ManText::items(const boost::program_options::options_description& options) {
  using Style = boost::program_options::command_line_style::style_t;
  for (const auto& option : options.options()) {
    // What has no short name gives its long one, without dashes.
    const std::string brief = option->canonical_display_name(Style::allow_dash_for_short);
    std::string tag = option->canonical_display_name(Style::allow_long);
    if (brief.starts_with('-')) tag = brief + ", " + tag;
    // Without the default, which may be of this machine's environment, and is in the help.
    std::string value = option->format_parameter();
    value.erase(std::min(value.find(" (="), value.size()));
    item(value.empty() ? tag : tag + ' ' + value, option->description());
  }
}

}  // namespace adit
