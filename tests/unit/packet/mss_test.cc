// SPDX-License-Identifier: Apache-2.0
#include "packet/mss.h"

#include <gtest/gtest.h>

#include <vector>

namespace adit {
namespace {

using Bytes = std::vector<uint8_t>;

uint64_t pseudo_sum(const Bytes& packet) {
  const auto tcp_len = static_cast<uint16_t>(packet.size() - 20);
  return sum_words(&packet[12], 8) + be16(kIpProtocolTcp).raw() + be16(tcp_len).raw();
}
bool checksum_right(const Bytes& packet) {
  return fold_sum(pseudo_sum(packet) +
                  sum_bytes(&packet[20], static_cast<uint32_t>(packet.size() - 20))) == 0xffff;
}

// An IPv4 packet that begins a connection; the option stands behind `nops` of one byte.
Bytes syn(uint16_t mss, unsigned nops = 0) {
  constexpr unsigned kOptions = 12, kPayload = 5;
  Bytes packet(20 + 20 + kOptions + kPayload, 0);
  auto* ip = reinterpret_cast<Ipv4Header*>(packet.data());
  *ip = {0x45,
         0,
         be16(static_cast<uint16_t>(packet.size())),
         be16(1),
         be16(0),
         64,
         kIpProtocolTcp,
         be16(0),
         be32(0x0a000001),
         be32(0x0a000002)};
  auto* tcp = reinterpret_cast<TcpHeader*>(ip + 1);
  *tcp = {be16(5), be16(80), be32(1), be32(0), (20 + kOptions) / 4 << 4,
          kTcpSyn, be16(9),  be16(0), be16(0)};
  uint8_t* option = reinterpret_cast<uint8_t*>(tcp + 1);
  for (unsigned i = 0; i < nops; ++i) *option++ = mss::kOptionNop;
  option[0] = mss::kOptionMss;
  option[1] = mss::kMssOptionLen;
  option[2] = static_cast<uint8_t>(mss >> 8);
  option[3] = static_cast<uint8_t>(mss);
  const uint16_t sum = fold_sum(pseudo_sum(packet) +
                                sum_bytes(&packet[20], static_cast<uint32_t>(packet.size() - 20)));
  tcp->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
  return packet;
}

unsigned tcp_offset(const Bytes& packet) {
  return find_syn(be16(kEtherTypeIpv4), packet.data(), static_cast<unsigned>(packet.size()));
}
void clamp(Bytes& packet, unsigned max_bytes, TcpChecksum checksum = TcpChecksum::kComplete) {
  clamp_mss(packet.data(), static_cast<unsigned>(packet.size()), tcp_offset(packet), max_bytes,
            checksum);
}
unsigned mss_of(const Bytes& packet, unsigned nops = 0) {
  return packet[42 + nops] * 256u + packet[43 + nops];
}

TEST(Mss, IsLoweredAndTheChecksumWithIt) {
  for (unsigned nops = 0; nops < 4; ++nops) {
    for (unsigned value = 0; value <= 0xffff; value += 251) {
      Bytes packet = syn(static_cast<uint16_t>(value), nops);
      ASSERT_TRUE(checksum_right(packet));
      clamp(packet, 1480);
      ASSERT_EQ(mss_of(packet, nops), std::min(value, 1440u));
      ASSERT_TRUE(checksum_right(packet)) << value << " behind " << nops;
    }
  }
}

TEST(Mss, LeavesAChecksumAloneThatIsStillToBeMade) {
  Bytes packet = syn(1460);
  auto* tcp = reinterpret_cast<TcpHeader*>(&packet[20]);
  tcp->checksum = be16::from_raw(fold_sum(pseudo_sum(packet)));
  const be16 before = tcp->checksum;
  clamp(packet, 1480, TcpChecksum::kPending);
  EXPECT_EQ(mss_of(packet), 1440u);
  EXPECT_EQ(tcp->checksum, before);
}

TEST(Mss, AWayThatTakesNoTcpAtAllChangesNothing) {
  for (const unsigned max_bytes : {0u, 39u, 40u}) {
    Bytes packet = syn(1460);
    clamp(packet, max_bytes);
    EXPECT_EQ(packet, syn(1460)) << max_bytes;
  }
  Bytes packet = syn(1460);
  clamp(packet, 41);
  EXPECT_EQ(mss_of(packet), 1u);
}

TEST(Mss, EveryPrefixOfAPacketIsSafe) {
  const Bytes whole = syn(1460);
  for (size_t length = 0; length < whole.size(); ++length) {
    Bytes prefix(whole.begin(), whole.begin() + static_cast<long>(length));
    const unsigned offset = tcp_offset(prefix);
    EXPECT_EQ(offset != 0, length >= 40) << length;
    if (offset != 0) clamp(prefix, 1480);
    // Only where all of the TCP header is there; the address sanitizer watches.
    EXPECT_EQ(std::equal(prefix.begin(), prefix.end(), whole.begin()), length < 52) << length;
  }
}

}  // namespace
}  // namespace adit
