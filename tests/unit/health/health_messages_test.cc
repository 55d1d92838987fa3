// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "health/dns_message.h"
#include "health/echo_message.h"

namespace adit {
namespace {

constexpr uint16_t kId = 0x1234;

using Bytes = std::vector<uint8_t>;

DnsCheck www() {
  return {"www.Example.org", DnsType::kA};
}

// A response to the query with one A record, by default.
Bytes answer(uint8_t rcode = 0, uint8_t records = 1) {
  Bytes message = dns_query(www(), kId);
  message[2] |= 0x80;
  message[3] = static_cast<uint8_t>(0x80 | rcode);
  message[7] = records;
  const Bytes record = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
  for (int i = 0; i < records; ++i) message.insert(message.end(), record.begin(), record.end());
  return message;
}

std::string read(const Bytes& message, const DnsCheck& check = www(), uint16_t id = kId) {
  const auto got = read_dns_answer(message, check, id);
  return got ? (got->good ? "good: " : "bad: ") + got->detail : "none";
}

TEST(DnsMessage, QueryHasIdRecursionAndOneQuestion) {
  const Bytes query = dns_query({"a.org", DnsType::kAaaa}, kId);
  const Bytes expected = {0x12, 0x34, 1, 0,   0,   1,   0, 0, 0,  0, 0, 0,
                          1,    'a',  3, 'o', 'r', 'g', 0, 0, 28, 0, 1};
  EXPECT_EQ(query, expected);
}

TEST(DnsMessage, RefusesWhatIsNoName) {
  EXPECT_TRUE(dns_query({std::string(64, 'x') + ".org", DnsType::kA}, kId).empty());
  EXPECT_TRUE(dns_query({"a..org", DnsType::kA}, kId).empty());
  EXPECT_FALSE(dns_query({".", DnsType::kSoa}, kId).empty());
}

TEST(DnsMessage, GoodIsNoErrorWithAnAnswer) {
  EXPECT_EQ(read(answer()), "good: NOERROR, answer records: 1");
  EXPECT_EQ(read(answer(0, 3)), "good: NOERROR, answer records: 3");
  EXPECT_EQ(read(answer(0, 0)), "bad: NOERROR, but no answer record");
  EXPECT_EQ(read(answer(3)), "bad: NXDOMAIN");
  EXPECT_EQ(read(answer(2, 0)), "bad: SERVFAIL");
  EXPECT_EQ(read(answer(15, 0)), "bad: rcode 15");
}

TEST(DnsMessage, ComparesNamesWithoutCaseOrFinalDot) {
  EXPECT_TRUE(read(answer(), {"WWW.example.org.", DnsType::kA}).starts_with("good"));
}

TEST(DnsMessage, KnowsTheRoot) {
  const DnsCheck root{".", DnsType::kNs};
  Bytes message = dns_query(root, kId);
  message[2] |= 0x80;
  EXPECT_EQ(read(message, root), "bad: NOERROR, but no answer record");
}

TEST(DnsMessage, PassesOverWhatIsNotTheAnswer) {
  EXPECT_EQ(read(answer(), www(), kId + 1), "none");
  EXPECT_EQ(read(answer(), {"ftp.example.org", DnsType::kA}), "none");
  EXPECT_EQ(read(answer(), {"www.example.org", DnsType::kAaaa}), "none");
  EXPECT_EQ(read(dns_query(www(), kId)), "none");  // the query itself
  EXPECT_EQ(read({}), "none");
}

TEST(DnsMessage, TakesARefusalWithoutTheQuestion) {
  EXPECT_EQ(read({0x12, 0x34, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0}), "bad: REFUSED");
  EXPECT_EQ(read({0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "none");
}

TEST(DnsMessage, NoCutOrMangledAnswerIsGood) {
  const Bytes whole = answer();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(
        read(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))).starts_with("good"))
        << size;
  // Only for what a sanitizer sees: any verdict is right.
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Bytes message = answer();
    for (int n = 0; n < 3; ++n)
      message[4 + random() % (message.size() - 4)] = static_cast<uint8_t>(random());
    read_dns_answer(message, www(), kId);
  }
}

constexpr EchoTag kTag{0x1122, 0x3344, 0x5566'7788'99aa'bbcc};

Bytes reply(IpFamily family) {
  const EchoRequest request = echo_request(family, kTag);
  Bytes message(request.begin(), request.end());
  message[0] = family == IpFamily::kV4 ? 0 : 129;
  if (family == IpFamily::kV6) return message;
  Bytes datagram(20);
  datagram[0] = 0x45;
  datagram.insert(datagram.end(), message.begin(), message.end());
  return datagram;
}

TEST(EchoMessage, RequestHasItsChecksum) {
  const EchoRequest request = echo_request(IpFamily::kV4, kTag);
  EXPECT_EQ(request[0], 8);
  uint32_t sum = 0;
  for (size_t i = 0; i < request.size(); i += 2)
    sum += static_cast<uint32_t>(request[i] << 8 | request[i + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffu);  // RFC 1071 section 1
  EXPECT_EQ(echo_request(IpFamily::kV6, kTag)[0], 128);
}

TEST(EchoMessage, ReplyRepeatsEverything) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const Bytes right = reply(family);
    EXPECT_TRUE(is_echo_reply(family, kTag, right));
    const size_t header = family == IpFamily::kV4 ? 20 : 0;
    for (size_t i = header; i < right.size(); ++i) {
      const bool is_checksum = i - header == 2 || i - header == 3;
      Bytes wrong = right;
      wrong[i] ^= 1;
      EXPECT_EQ(is_echo_reply(family, kTag, wrong), is_checksum) << i;
    }
    for (size_t size = 0; size < right.size(); ++size)
      EXPECT_FALSE(is_echo_reply(family, kTag, std::span(right).first(size))) << size;
  }
}

TEST(EchoMessage, FollowsTheHeadersLength) {
  Bytes datagram = reply(IpFamily::kV4);
  datagram[0] = 0x46;
  datagram.insert(datagram.begin() + 20, 4, uint8_t{1});
  EXPECT_TRUE(is_echo_reply(IpFamily::kV4, kTag, datagram));
  datagram[0] = 0x4f;
  EXPECT_FALSE(is_echo_reply(IpFamily::kV4, kTag, datagram));
  datagram[0] = 0x41;
  EXPECT_FALSE(is_echo_reply(IpFamily::kV4, kTag, datagram));
}

}  // namespace
}  // namespace adit
