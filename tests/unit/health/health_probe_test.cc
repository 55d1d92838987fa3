// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "health_probe_run.h"
#include "health_servers.h"

namespace adit {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;

bool has_ipv6_loopback() {
  boost::asio::io_context io;
  boost::system::error_code error;
  udp::socket socket(io, udp::v6());
  socket.bind({boost::asio::ip::address_v6::loopback(), 0}, error);
  return !error;
}

TEST(TcpProbe, IsUpWhenConnected) {
  ProbeRun run;
  TcpListener listener(run.io());
  const auto result = run.result(target_of(CheckKind::kTcp, listener.port()));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->verdict, Verdict::kUp) << result->detail;
  EXPECT_GT(result->latency_ms, 0);
  EXPECT_LT(result->latency_ms, 20'000);
}

TEST(TcpProbe, ConnectsOverIpv6) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "no ::1 here";
  ProbeRun run;
  TcpListener listener(run.io(), {}, "::1");
  EXPECT_EQ(run.verdict(target_of(CheckKind::kTcp, listener.port(), "::1")), "up: connected");
}

TEST(TcpProbe, IsDownWhenRefused) {
  ProbeRun run;
  const ClosedPort closed(run.io());
  EXPECT_EQ(run.verdict(target_of(CheckKind::kTcp, closed.port())),
            "down: connect: Connection refused");
}

TEST(TcpProbe, IsDownWhenNobodyAnswers) {
  ProbeRun run;
  // A listener whose queue is full drops the SYN.
  tcp::acceptor full(run.io(), tcp::v4());
  full.bind({boost::asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  std::vector<tcp::socket> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(run.io(), tcp::v4());
    fillers.back().async_connect(full.local_endpoint(), [](boost::system::error_code) {});
  }
  run.io().poll();
  EXPECT_EQ(run.verdict(impatient(target_of(CheckKind::kTcp, full.local_endpoint().port()))),
            "down: no answer within 200 ms");
}

TEST(TcpProbe, AsksThePortOfTheCheck) {
  ProbeRun run;
  TcpListener listener(run.io());
  const ClosedPort closed(run.io());
  HealthTarget target = target_of(CheckKind::kTcp, closed.port());
  target.options.question.port = listener.port();
  EXPECT_EQ(run.verdict(target), "up: connected");
}

TEST(TcpProbe, NeedsAPort) {
  ProbeRun run;
  EXPECT_EQ(run.verdict(target_of(CheckKind::kTcp, 0)),
            "down: neither the backend nor its check has a port");
}

TEST(TcpProbe, ComesFromTheSourceAddress) {
  ProbeRun run;
  std::string from;
  TcpListener listener(run.io(), [&from](tcp::socket socket) {
    from = socket.remote_endpoint().address().to_string();
  });
  HealthTarget target = target_of(CheckKind::kTcp, listener.port());
  target.options.question.source = parse_ip("127.0.0.77");
  EXPECT_EQ(run.verdict(target), "up: connected");
  EXPECT_TRUE(run_until(run.io(), [&] { return !from.empty(); }));
  EXPECT_EQ(from, "127.0.0.77");
}

TEST(TcpProbe, TellsThatTheSourceIsNotOurs) {
  ProbeRun run;
  HealthTarget target = target_of(CheckKind::kTcp, 80);
  target.options.question.source = parse_ip("203.0.113.9");
  EXPECT_EQ(run.verdict(target),
            "down: bind to the source address: Cannot assign requested address");
}

TEST(TcpProbe, LeavesByTheDevice) {
  ProbeRun run;
  TcpListener listener(run.io());
  HealthTarget target = target_of(CheckKind::kTcp, listener.port());
  target.options.question.device = "lo";
  EXPECT_EQ(run.verdict(target), "up: connected");
  target.options.question.device = "nonesuch";
  EXPECT_EQ(run.verdict(target), "down: bind to the device: No such device");
}

TEST(TcpProbe, OwnShortageOfDescriptorsSaysNothingOfTheBackend) {
  ProbeRun run;
  TcpListener listener(run.io());
  rlimit former;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &former), 0);
  rlimit none = former;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string verdict = run.verdict(target_of(CheckKind::kTcp, listener.port()));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &former), 0);
  EXPECT_EQ(verdict, "unknown: open a socket: Too many open files");
}

TEST(TcpProbe, CanBeCancelled) {
  ProbeRun run;
  TcpListener listener(run.io());
  for (unsigned turns = 0; turns < 4; ++turns)
    run.cancel_after(target_of(CheckKind::kTcp, listener.port()), turns);
}

TEST(TcpProbe, CanGoWithItsIoContext) {
  ProbeRun run;
  TcpListener listener(run.io());
  run.make(target_of(CheckKind::kTcp, listener.port()))->start([](const ProbeResult&) {
    ADD_FAILURE() << "it was not run";
  });
}

HealthTarget udp_target(uint16_t port, const char* payload, const char* expect = "") {
  HealthTarget target = target_of(CheckKind::kUdp, port);
  target.options.question.udp.payload = payload;
  target.options.question.udp.expect = expect;
  return target;
}

TEST(UdpProbe, IsUpWithAnyAnswer) {
  ProbeRun run;
  std::string request;
  UdpResponder server(run.io(), [&](const std::string& text) {
    request = text;
    return std::vector<std::string>{"pong"};
  });
  EXPECT_EQ(run.verdict(udp_target(server.port(), "ping")), "up: answered with 4 bytes");
  EXPECT_EQ(request, "ping");
}

TEST(UdpProbe, TakesEmptyDatagrams) {
  ProbeRun run;
  UdpResponder server(run.io(),
                      [](const std::string& text) { return std::vector<std::string>{text}; });
  EXPECT_EQ(run.verdict(udp_target(server.port(), "")), "up: answered with 0 bytes");
}

TEST(UdpProbe, WantsTheExpectedAnswer) {
  ProbeRun run;
  UdpResponder server(run.io(),
                      [](const std::string&) { return std::vector<std::string>{"state=ready"}; });
  EXPECT_EQ(run.verdict(udp_target(server.port(), "x", "ready")), "up: answered with 11 bytes");
  EXPECT_EQ(run.verdict(udp_target(server.port(), "x", "READY")),
            "down: the answer of 11 bytes is not what is expected");
}

TEST(UdpProbe, IsDownWhenThePortIsUnreachable) {
  ProbeRun run;
  uint16_t port;
  {
    const udp::socket socket(run.io(), {boost::asio::ip::address_v4::loopback(), 0});
    port = socket.local_endpoint().port();
  }
  EXPECT_EQ(run.verdict(udp_target(port, "x")), "down: port unreachable");
}

TEST(UdpProbe, SilenceIsWhatItIsSaidToBe) {
  ProbeRun run;
  UdpResponder silent(run.io(), [](const std::string&) { return std::vector<std::string>{}; });
  HealthTarget target = impatient(udp_target(silent.port(), "x", "y"));
  EXPECT_EQ(run.verdict(target), "up: no answer within 200 ms, and no refusal");
  target.options.question.udp.silence = Silence::kDown;
  EXPECT_EQ(run.verdict(target), "down: no answer within 200 ms");
}

TEST(UdpProbe, CanBeCancelled) {
  ProbeRun run;
  UdpResponder silent(run.io(), [](const std::string&) { return std::vector<std::string>{}; });
  for (unsigned turns = 0; turns < 3; ++turns)
    run.cancel_after(udp_target(silent.port(), "x"), turns);
}

// A response to the query with that rcode and number of records.
std::string dns_answer(std::string query, char rcode, char records) {
  query[2] = static_cast<char>(query[2] | '\x80');
  query[3] = rcode;
  query[7] = records;
  for (int i = 0; i < records; ++i)
    query += std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01", 16);
  return query;
}

HealthTarget dns_target(uint16_t port) {
  HealthTarget target = target_of(CheckKind::kDns, port);
  target.options.question.dns = {"www.example.org", DnsType::kA};
  return target;
}

TEST(DnsProbe, IsUpWithAnAnswer) {
  ProbeRun run;
  UdpResponder server(run.io(), [](const std::string& query) {
    return std::vector<std::string>{dns_answer(query, 0, 2)};
  });
  EXPECT_EQ(run.verdict(dns_target(server.port())), "up: NOERROR, answer records: 2");
}

TEST(DnsProbe, IsDownWithAnErrorOrWithoutARecord) {
  ProbeRun run;
  char rcode = 3, records = 0;
  UdpResponder server(run.io(), [&](const std::string& query) {
    return std::vector<std::string>{dns_answer(query, rcode, records)};
  });
  EXPECT_EQ(run.verdict(dns_target(server.port())), "down: NXDOMAIN");
  rcode = 0;
  EXPECT_EQ(run.verdict(dns_target(server.port())), "down: NOERROR, but no answer record");
}

TEST(DnsProbe, WaitsPastWhatIsNotItsAnswer) {
  ProbeRun run;
  UdpResponder server(run.io(), [](const std::string& query) {
    std::string late = dns_answer(query, 3, 0);
    late[0] = static_cast<char>(late[0] ^ 1);  // another query's
    return std::vector<std::string>{"", "garbage", query, late, dns_answer(query, 0, 1)};
  });
  EXPECT_EQ(run.verdict(dns_target(server.port())), "up: NOERROR, answer records: 1");
}

TEST(DnsProbe, IsDownWithoutAnAnswer) {
  ProbeRun run;
  UdpResponder server(run.io(),
                      [](const std::string&) { return std::vector<std::string>{"garbage"}; });
  EXPECT_EQ(run.verdict(impatient(dns_target(server.port()))), "down: no answer within 200 ms");
}

TEST(DnsProbe, TellsThatTheNameIsNone) {
  ProbeRun run;
  HealthTarget target = dns_target(53);
  target.options.question.dns.name = "a..b";
  EXPECT_EQ(run.verdict(target), "down: \"a..b\" is not a domain name");
}

bool may_open_raw_sockets() {
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) return false;
  close(fd);
  return true;
}

TEST(IcmpProbe, IsUpWithAReply) {
  if (!may_open_raw_sockets()) GTEST_SKIP() << "no raw sockets: " << strerror(errno);
  ProbeRun run;
  EXPECT_EQ(run.verdict(target_of(CheckKind::kIcmp, 0)), "up: echo reply");
  EXPECT_EQ(run.verdict(target_of(CheckKind::kIcmp, 443)), "up: echo reply");
}

TEST(IcmpProbe, IsUpWithAReplyOverIpv6) {
  if (!may_open_raw_sockets()) GTEST_SKIP() << "no raw sockets: " << strerror(errno);
  if (!has_ipv6_loopback()) GTEST_SKIP() << "no ::1 here";
  ProbeRun run;
  EXPECT_EQ(run.verdict(target_of(CheckKind::kIcmp, 0, "::1")), "up: echo reply");
  EXPECT_EQ(run.verdict(target_of(CheckKind::kIcmp, 443, "::1")), "up: echo reply");
}

TEST(IcmpProbe, ManyAtTheSameTimeDoNotMistakeEachOther) {
  if (!may_open_raw_sockets()) GTEST_SKIP() << "no raw sockets: " << strerror(errno);
  ProbeRun run;
  std::vector<std::shared_ptr<Probe>> probes;
  unsigned up = 0;
  for (int i = 0; i < 50; ++i) {
    probes.push_back(run.make(target_of(CheckKind::kIcmp, 0)));
    probes.back()->start([&](const ProbeResult& result) { up += result.verdict == Verdict::kUp; });
  }
  EXPECT_TRUE(run_until(run.io(), [&] { return up == 50; }));
}

// This thread without that capability, while it lives.
class WithoutNetRaw {
 public:
  WithoutNetRaw() {
    header_.version = _LINUX_CAPABILITY_VERSION_3;
    ok_ = syscall(SYS_capget, &header_, former_) == 0;
    __user_cap_data_struct less[2] = {former_[0], former_[1]};
    less[0].effective &= ~(1u << CAP_NET_RAW);
    ok_ = ok_ && syscall(SYS_capset, &header_, less) == 0;
  }
  ~WithoutNetRaw() { syscall(SYS_capset, &header_, former_); }
  bool ok() const { return ok_; }

 private:
  __user_cap_header_struct header_ = {};
  __user_cap_data_struct former_[2] = {};
  bool ok_ = false;
};

TEST(IcmpProbe, TellsWhatItLacks) {
  ProbeRun run;
  std::string verdict;
  {
    const WithoutNetRaw less;
    ASSERT_TRUE(less.ok());
    verdict = run.verdict(target_of(CheckKind::kIcmp, 0));
  }
  EXPECT_EQ(verdict, "down: open a raw socket (it takes CAP_NET_RAW): Operation not permitted");
}

TEST(IcmpProbe, CanBeCancelled) {
  ProbeRun run;
  for (unsigned turns = 0; turns < 3; ++turns)
    run.cancel_after(target_of(CheckKind::kIcmp, 0), turns);
}

}  // namespace
}  // namespace adit
