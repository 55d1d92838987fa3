// SPDX-License-Identifier: Apache-2.0
#include "machine/privileges.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/signal_mask.h"
#include "config/port_ids.h"

namespace adit {
namespace {

constexpr uint64_t bit(unsigned capability) {
  return uint64_t{1} << capability;
}

struct CapabilityName {
  unsigned number;
  const char* name;
};
constexpr std::array<CapabilityName, 13> kNames = {{
    {CAP_DAC_OVERRIDE, "cap_dac_override"},
    {CAP_DAC_READ_SEARCH, "cap_dac_read_search"},
    {CAP_KILL, "cap_kill"},
    {CAP_SETGID, "cap_setgid"},
    {CAP_SETUID, "cap_setuid"},
    {CAP_NET_ADMIN, "cap_net_admin"},
    {CAP_NET_RAW, "cap_net_raw"},
    {CAP_IPC_LOCK, "cap_ipc_lock"},
    {CAP_SYS_RAWIO, "cap_sys_rawio"},
    {CAP_SYS_ADMIN, "cap_sys_admin"},
    {CAP_SYS_NICE, "cap_sys_nice"},
    {CAP_PERFMON, "cap_perfmon"},
    {CAP_BPF, "cap_bpf"},
}};

bool any_port(const Config& config, std::initializer_list<DeviceKind> kinds) {
  return std::ranges::any_of(config.ports, [&](const PortConfig& port) {
    return std::ranges::any_of(devices_of(port), [&](const Device& device) {
      return std::ranges::find(kinds, device.kind) != kinds.end();
    });
  });
}

// Capabilities belong to threads, and each can change its own alone.
struct Orders {
  uint64_t capabilities = 0;
  std::atomic<int> error = 0;  // the last one of any thread
  std::atomic<unsigned> done = 0;
};
Orders orders;

struct CapabilitySets {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  uint64_t permitted() const noexcept {
    return data[0].permitted | uint64_t{data[1].permitted} << 32;
  }
};

// From here to `keep_capabilities` on: in signal handlers, so nothing but system calls.
void give_up_capabilities() noexcept {
  CapabilitySets sets;
  if (syscall(SYS_capget, &sets.header, sets.data) != 0) orders.error = errno;
  // A change of account has cleared it.
  for (auto& set : sets.data) set.effective = set.permitted;
  if (syscall(SYS_capset, &sets.header, sets.data) != 0) orders.error = errno;
  // Takes CAP_SETPCAP, which a process may lack that had little to begin with.
  for (unsigned capability = 0; capability < 64; ++capability)
    if ((orders.capabilities >> capability & 1) == 0)
      (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  for (unsigned half = 0; half < 2; ++half) {
    auto& set = sets.data[half];
    set.permitted &= static_cast<uint32_t>(orders.capabilities >> (32 * half));
    set.effective = set.permitted;
    set.inheritable = 0;
  }
  if (syscall(SYS_capset, &sets.header, sets.data) != 0) orders.error = errno;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) orders.error = errno;
}
// So that another account's thread has those that it is to keep.
void keep_capabilities() noexcept {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) orders.error = errno;
}

std::set<pid_t> threads() {
  std::set<pid_t> ids;
  DIR* folder = opendir("/proc/self/task");
  if (folder == nullptr) return ids;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    pid_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc() && end == name.data() + name.size()) ids.insert(id);
  }
  closedir(folder);
  return ids;
}

std::atomic<void (*)() noexcept> order_of_signal = nullptr;

void carry_out(int) {
  const int error = errno;
  order_of_signal.load()();
  orders.done.fetch_add(1);
  errno = error;
}

// Each thread carries out `order`; empty, or what went wrong.
std::string in_all_threads(void (*order)() noexcept) {
  constexpr unsigned kPatienceMs = 2000;
  orders.error = 0;
  orders.done = 0;
  order_of_signal = order;
  struct sigaction action = {};
  struct sigaction former = {};
  action.sa_handler = carry_out;
  action.sa_flags = SA_RESTART;
  sigaction(privileges_signal(), &action, &former);
  const auto self = static_cast<pid_t>(syscall(SYS_gettid));
  unsigned sent = 0;
  std::string wrong;
  for (const pid_t id : threads())
    if (id != self && syscall(SYS_tgkill, getpid(), id, privileges_signal()) == 0) ++sent;
  order();
  for (unsigned ms = 0; orders.done < sent; ++ms) {
    if (ms == kPatienceMs) {
      wrong = std::to_string(sent - orders.done) + " threads do not answer";
      break;
    }
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  // Where one may yet answer, the handler stays.
  if (wrong.empty()) sigaction(privileges_signal(), &former, nullptr);
  if (wrong.empty() && orders.error != 0) wrong = std::strerror(orders.error);
  return wrong;
}

uint64_t own_capabilities() {
  CapabilitySets sets;
  return syscall(SYS_capget, &sets.header, sets.data) == 0 ? sets.permitted() : 0;
}

// By the effective capabilities, which access(2) does not go by where the user is root.
bool may(const std::string& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

// glibc changes the account of every thread.
std::string become(const Account& account) {
  if (std::string wrong = in_all_threads(keep_capabilities); !wrong.empty()) return wrong;
  // Its own groups: with adit's it may still make files that clients can use.
  if (initgroups(account.name.c_str(), account.gid) != 0 ||
      setresgid(account.gid, account.gid, account.gid) != 0 ||
      setresuid(account.uid, account.uid, account.uid) != 0)
    return std::strerror(errno);
  return {};
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return std::nullopt;
  return Account{name, entry->pw_uid, entry->pw_gid};
}

bool ports_allow_other_accounts(const Config& config) {
  return !any_port(config, {DeviceKind::kPci, DeviceKind::kAfXdp, DeviceKind::kVdev});
}

PrivilegePlan privilege_plan(const Config& config, bool has_hugepages) {
  PrivilegePlan plan;
  plan.capabilities =
      bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_KILL);
  const bool has_xdp = any_port(config, {DeviceKind::kAfXdp});
  const bool has_driver = any_port(config, {DeviceKind::kPci, DeviceKind::kVdev});
  // libxdp finds its programs by their ids, which takes CAP_SYS_ADMIN; drivers of NICs look up
  // physical addresses.
  if (has_xdp) plan.capabilities |= bit(CAP_BPF) | bit(CAP_PERFMON);
  if (has_xdp || has_driver) plan.capabilities |= bit(CAP_SYS_ADMIN);
  if (has_driver) plan.capabilities |= bit(CAP_SYS_RAWIO) | bit(CAP_SYS_NICE);
  if (has_xdp || has_driver || has_hugepages) plan.capabilities |= bit(CAP_IPC_LOCK);
  if (geteuid() != 0) return plan;
  if (config.system.user != kAutoUser) {
    plan.account = find_account(config.system.user);
  } else if (ports_allow_other_accounts(config) && !has_hugepages) {
    plan.account = find_account("adit");
    // It must be able to make TAP interfaces again.
    if (plan.account && any_port(config, {DeviceKind::kTap})) {
      struct stat tun;
      if (stat("/dev/net/tun", &tun) != 0 || (tun.st_mode & 0006) != 0006) plan.account.reset();
    }
  }
  if (plan.account && plan.account->uid == 0) plan.account.reset();
  return plan;
}

std::string capability_names(uint64_t capabilities) {
  std::string text;
  const auto add = [&text](const std::string& name) { text += (text.empty() ? "" : ",") + name; };
  for (const CapabilityName& known : kNames)
    if ((capabilities & bit(known.number)) != 0) {
      add(known.name);
      capabilities &= ~bit(known.number);
    }
  for (unsigned number = 0; number < 64; ++number)
    if ((capabilities >> number & 1) != 0) add("cap_" + std::to_string(number));
  return text.empty() ? "none" : text;
}

void give_folders(const Account& account, const std::string& socket_folder,
                  const std::vector<std::string>& own_folders) {
  namespace fs = std::filesystem;
  // What cannot be given keeps the capability that it takes, or is left behind at the end.
  const auto give = [&](const fs::path& path) {
    if (lchown(path.c_str(), account.uid, account.gid) != 0) return;
  };
  const char* own = std::getenv("RUNTIME_DIRECTORY");
  const fs::path socket_path(socket_folder);
  if (own != nullptr) {
    give(own);
    give(fs::path(own) / "dpdk");
  }
  if (socket_path.filename() == "adit" || (own != nullptr && socket_path == own)) give(socket_path);
  for (const std::string& folder : own_folders) {
    give(folder);
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      give(it->path());
  }
}

Dropped drop_privileges(PrivilegePlan plan, const std::string& readable,
                        const std::vector<std::string>& writable) {
  Dropped dropped;
  const uint64_t former = own_capabilities();
  if (plan.account) {
    if (std::string wrong = become(*plan.account); wrong.empty())
      dropped.account = plan.account->name;
    else
      dropped.failed.push_back("become " + plan.account->name + ": " + wrong);
  }
  // Tried without what would let us do anything. This thread's effective set alone.
  CapabilitySets sets;
  if (syscall(SYS_capget, &sets.header, sets.data) == 0) {
    for (auto& set : sets.data) set.effective = 0;
    if (syscall(SYS_capset, &sets.header, sets.data) == 0) {
      if (!may(readable, R_OK)) plan.capabilities |= bit(CAP_DAC_READ_SEARCH);
      for (const std::string& folder : writable)
        if (!may(folder, W_OK | X_OK)) plan.capabilities |= bit(CAP_DAC_OVERRIDE);
    }
  }
  orders.capabilities = plan.capabilities & former;
  if (std::string wrong = in_all_threads(give_up_capabilities); !wrong.empty())
    dropped.failed.push_back("capabilities: " + wrong);
  dropped.capabilities = own_capabilities();
  return dropped;
}

}  // namespace adit
