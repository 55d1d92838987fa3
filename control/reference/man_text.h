// SPDX-License-Identifier: Apache-2.0
// A man page in the making: roff with the macros of man(7).
#pragma once

#include <boost/program_options/options_description.hpp>
#include <string>
#include <string_view>

namespace adit {

// Everything given is plain text, in which `this` becomes bold.
class ManText {
 public:
  // "aditctl", 1, "the operator's client of aditd"
  ManText(std::string_view name, int section, std::string_view what);

  void head(std::string_view title);
  void subhead(std::string_view title);
  void paragraph(std::string_view text);
  // A tag in bold, and what is said of it, indented.
  void item(std::string_view tag, std::string_view text);
  void items(const boost::program_options::options_description& options);
  // What follows lies deeper, or no deeper any more.
  void indent() { text_ += ".RS\n"; }
  void dedent() { text_ += ".RE\n"; }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace adit
