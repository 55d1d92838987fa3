// SPDX-License-Identifier: Apache-2.0
#include "reference/api_reference.h"

namespace adit {
namespace {

std::string code(std::string_view text) {
  return '`' + std::string(text) + '`';
}

std::string of_parameters(const MethodInfo& method) {
  std::string text;
  for (const Parameter& parameter : method.parameters)
    text += "- " + code(parameter.name) + " (" + std::string(to_string(parameter.type)) +
            (parameter.presence == Presence::kRequired ? ", required): " : ", optional): ") +
            described(parameter) + '\n';
  return text.empty() ? text : '\n' + text;
}

std::string of_columns(Columns columns, const char* head) {
  if (columns.empty()) return {};
  std::string text = std::string("\n") + head + "\n\n| key | column | |\n|---|---|---|\n";
  for (const Column& column : columns) {
    std::string title(column.title);
    if (column.role == Role::kWide) title = '(' + title + ')';
    text += "| " + code(column.key) + " | " + title + " | " + std::string(column.help) + " |\n";
  }
  return text;
}

std::string of_method(const MethodInfo& method) {
  std::string text = "### " + code(method.name) + '\n' + std::string(method.help) + '.';
  if (!method.command.empty()) text += " Command: `aditctl " + std::string(method.command) + "`.";
  text += '\n' + of_parameters(method);
  if (!method.notes.empty()) text += '\n' + std::string(method.notes) + '\n';
  return text + of_columns(method.columns, "Rows:") +
         of_columns(method.counted, "Rows with `count`:");
}

}  // namespace

std::string api_reference(Catalogue methods) {
  std::string text;
  for (const MethodInfo& method : methods) text += (text.empty() ? "" : "\n") + of_method(method);
  return text;
}

}  // namespace adit
