// SPDX-License-Identifier: Apache-2.0
#include "steering/steering_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <steering.skel.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "adit/descriptor.h"
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

// Interfaces that this process alone uses, by name, as long as it has the descriptors.
struct Locks {
  std::mutex mutex;
  struct Held {
    unsigned if_index;  // an interface may be another of that name
    Descriptor socket;
  };
  std::map<std::string, Held> held;
};
Locks& locks() {
  static Locks all;
  return all;
}

// 0, or an errno: EADDRINUSE, another process has the interface. The socket's name is known in the
// interface's network namespace.
int take_interface(const std::string& interface, unsigned if_index) {
  const std::lock_guard guard(locks().mutex);
  const auto found = locks().held.find(interface);
  if (found != locks().held.end() && found->second.if_index == if_index) return 0;
  if (found != locks().held.end()) locks().held.erase(found);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "adit-steering-" + std::to_string(if_index);
  text.copy(name.sun_path + 1, sizeof name.sun_path - 1);  // abstract: begins with a zero
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  Descriptor lock(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (lock.get() < 0 || bind(lock.get(), reinterpret_cast<const sockaddr*>(&name), bytes) != 0)
    return errno;
  locks().held.emplace(interface, Locks::Held{if_index, std::move(lock)});
  return 0;
}

void clear_interface(const PortConfig& port) {
  const unsigned if_index = if_nametoindex(port.device.argument.c_str());
  if (if_index == 0) return;  // preflight has told
  if (const int error = take_interface(port.device.argument, if_index); error != 0)
    throw std::runtime_error("the interface " + port.device.argument +
                             (error == EADDRINUSE
                                  ? " is in use by another aditd"
                                  : std::string(" cannot be locked: ") + std::strerror(error)));
  const XdpProgram program = find_xdp_program(if_index);
  if (program.id == 0) return;
  if (!program.is_ours)
    throw std::runtime_error("the interface " + port.device.argument + " has the XDP program '" +
                             program.name + "' (id " + std::to_string(program.id) +
                             ") of someone else; end who uses it, or: ip link set dev " +
                             port.device.argument + " xdp off");
  const int detached = bpf_xdp_detach(static_cast<int>(if_index),
                                      program.is_generic ? XDP_FLAGS_SKB_MODE : 0, nullptr);
  if (detached != 0)
    throw std::runtime_error("cannot detach the XDP program that a former aditd left on " +
                             port.device.argument + ": " + std::strerror(-detached));
  spdlog::info("event=leftover_removed xdp_program={} interface={}", program.id,
               log_value(port.device.argument));
}

}  // namespace

std::string steering_program_path() {
  static const int fd = make_program_file();
  return "/proc/self/fd/" + std::to_string(fd);
}

void clear_steered_interface(const PortConfig& port) {
  try {
    clear_interface(port);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("port " + port.name + ": " + error.what());
  }
}

void clear_steered_interfaces(const Config& config) {
  for (const PortConfig& port : config.ports)
    if (is_steered(port)) clear_steered_interface(port);
}

void release_interfaces_but(const std::set<std::string>& wanted) {
  const std::lock_guard guard(locks().mutex);
  std::erase_if(locks().held, [&wanted](const auto& one) { return !wanted.contains(one.first); });
}

}  // namespace adit
