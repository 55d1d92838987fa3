// SPDX-License-Identifier: Apache-2.0
#include "steering/steering_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <steering.skel.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "base/log.h"
#include "steering/steering_maps.h"

namespace adit {
namespace {

int make_program_file() {
  size_t bytes = 0;
  const void* program = steering_bpf__elf_bytes(&bytes);
  const int fd = memfd_create("adit-steering", MFD_CLOEXEC);
  if (fd < 0 || write(fd, program, bytes) != static_cast<ssize_t>(bytes))
    throw std::runtime_error(std::string("cannot write the XDP program: ") + std::strerror(errno));
  return fd;
}

// Not another process that has got the number of one that ended.
bool is_aditd(uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  return pid != 0 && std::getline(file, name) && name == "aditd";
}

void clear_interface(const PortConfig& port) {
  const unsigned if_index = if_nametoindex(port.device.argument.c_str());
  if (if_index == 0) return;  // preflight has told
  const XdpProgram program = find_xdp_program(if_index);
  if (program.id == 0) return;
  if (!program.is_ours)
    throw std::runtime_error("the interface " + port.device.argument + " has the XDP program '" +
                             program.name + "' (id " + std::to_string(program.id) +
                             ") of someone else; end who uses it, or: ip link set dev " +
                             port.device.argument + " xdp off");
  const uint32_t pid = SteeringMaps(program.id).pid();
  if (is_aditd(pid))
    throw std::runtime_error("the interface " + port.device.argument +
                             " is in use by the process " + std::to_string(pid) + ", an aditd");
  const int error = bpf_xdp_detach(static_cast<int>(if_index),
                                   program.is_generic ? XDP_FLAGS_SKB_MODE : 0, nullptr);
  if (error != 0)
    throw std::runtime_error("cannot detach the XDP program that a former aditd left on " +
                             port.device.argument + ": " + std::strerror(-error));
  spdlog::info("event=leftover_removed xdp_program={} interface={}", program.id,
               log_value(port.device.argument));
}

}  // namespace

std::string steering_program_path() {
  static const int fd = make_program_file();
  return "/proc/self/fd/" + std::to_string(fd);
}

void clear_steered_interfaces(const Config& config) {
  for (const PortConfig& port : config.ports) {
    if (!is_steered(port)) continue;
    try {
      clear_interface(port);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("port " + port.name + ": " + error.what());
    }
  }
}

}  // namespace adit
