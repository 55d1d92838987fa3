// SPDX-License-Identifier: Apache-2.0
#include "netlink/kernel_lists.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/network_namespace.h"
#include "base/time_units.h"

namespace adit {
namespace {

// The kernel packs up to 32 KiB, some 500 routes.
constexpr std::size_t kBufferBytes = 32768;
// Messages taken at a time, but for the rest of a buffer: control has other duties. A change comes
// alone, of a list as many as fit.
constexpr unsigned kMessagesPerTick = 1024;
// Room for changes, each of which takes the kernel about a kilobyte.
constexpr int kReceiveBytes = 16 << 20;
// A kernel that does not go on with a list.
constexpr uint64_t kPatienceNs = 30 * kNsPerSecond;

[[noreturn]] void throw_errno(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

// A socket belongs to the namespace of the thread that makes it.
mnl_socket* open_in(const std::string& name) {
  mnl_socket* made = nullptr;
  int error = 0;
  run_in_namespace(name, [&] {
    made = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (made == nullptr) error = errno;
  });
  if (made == nullptr) throw_errno("netlink socket", error);
  return made;
}

}  // namespace

KernelLists::KernelLists(const std::string& network_namespace, std::span<const int> groups,
                         std::span<const int> optional)
    : socket_(open_in(network_namespace), &mnl_socket_close) {
  const int descriptor = mnl_socket_get_fd(socket_.get());
  const int bytes = kReceiveBytes;
  // The first takes CAP_NET_ADMIN; with less room, lists make good for what is lost.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  // Lists of what is asked for; an old kernel gives all, which is sorted out by the readers.
  int on = 1;
  (void)mnl_socket_setsockopt(socket_.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
    throw_errno("netlink: bind", errno);
  for (int group : groups)
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      throw_errno("netlink: membership", errno);
  for (int group : optional)
    (void)mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
}

KernelLists::~KernelLists() = default;

void KernelLists::ask(uint16_t type, const std::function<void(nlmsghdr*)>& fill, uint64_t now_ns) {
  std::array<char, 256> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = ++sequence_ != 0 ? sequence_ : ++sequence_;
  fill(message);
  list_ = List{sequence_, false, now_ns};
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0)
    throw_errno("netlink: request", errno);
}

void KernelLists::tick(Reader& reader, uint64_t now_ns) {
  for (unsigned taken = 0; taken < kMessagesPerTick;) {
    const unsigned more = read_once(reader, now_ns);
    if (more == 0) break;
    taken += more;
  }
  if (!list_ || now_ns <= list_->heard_ns + kPatienceNs) return;
  list_.reset();
  throw std::runtime_error("netlink: the kernel does not end its list");
}

// Returns how many messages there were; 0: nothing is left to be read.
unsigned KernelLists::read_once(Reader& reader, uint64_t now_ns) {
  std::array<char, kBufferBytes> buffer;
  const ssize_t length = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return 0;
    if (errno != ENOBUFS && errno != ENOSPC) throw_errno("netlink: receive", errno);
    ++overruns_;
    if (list_) list_->has_failed = true;
    reader.lost(now_ns);
    return 1;
  }
  unsigned count = 0;
  int left = static_cast<int>(length);
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    take(reader, message, now_ns);
    ++count;
  }
  return count;
}

bool KernelLists::is_of_list(const nlmsghdr* message) const noexcept {
  return list_ && message->nlmsg_seq == list_->sequence &&
         (message->nlmsg_flags & NLM_F_MULTI) != 0;
}

void KernelLists::take(Reader& reader, const nlmsghdr* message, uint64_t now_ns) {
  if (list_) list_->heard_ns = now_ns;
  if (is_of_list(message) && (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
    list_->has_failed = true;
  if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR)
    return reader.take(message, now_ns);
  if (!list_ || message->nlmsg_seq != list_->sequence) return;
  int error = 0;  // negative, at the beginning of both
  if (mnl_nlmsg_get_payload_len(message) >= sizeof error)
    std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof error);
  const bool has_failed = list_->has_failed;
  list_.reset();
  reader.end_of_list(-error, has_failed, now_ns);
}

}  // namespace adit
