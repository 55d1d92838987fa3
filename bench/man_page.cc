// SPDX-License-Identifier: Apache-2.0
// Writes the man page of adit-bench, of its tables of options and scenarios.
#include <cstdlib>
#include <iostream>

#include "options.h"
#include "reference/man_text.h"
#include "scenario.h"
#include "tunnel_form.h"

namespace {

std::string man_adit_bench() {
  using namespace adit;
  ManText page("adit-bench", 1, "measures what adit costs, in cycles per packet");
  page.head("SYNOPSIS");
  page.paragraph("`adit-bench` [OPTION]...");
  page.head("DESCRIPTION");
  page.paragraph(
      "Sends frames from memory through adit's pipeline on one core and prints TSC cycles per "
      "packet, beside those of the same receive and transmit with nothing between. Before and "
      "after it measures, it compares what leaves with what is right. It needs no NIC and no "
      "privileges; with hugepages and as root its figures vary less.");
  page.head("OPTIONS");
  page.items(bench::describe_options());
  page.head("SCENARIOS");
  for (const bench::Scenario& scenario : bench::scenarios())
    page.item(scenario.name, scenario.help);
  page.head("ENCAPSULATIONS");
  std::string names;
  for (const bench::TunnelForm& form : bench::kTunnelForms) names += std::string(form.name) + ' ';
  names.pop_back();
  page.paragraph(names);
  page.head("EXIT STATUS");
  page.paragraph(
      "0 ok, 1 wrong output or a file that cannot be written, 2 usage, 4 EAL or hugepages.");
  page.head("SEE ALSO");
  page.paragraph("`adit-replay`(1), `aditd`(8)");
  return page.text();
}

}  // namespace

int main() {
  std::cout << man_adit_bench() << std::flush;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}
