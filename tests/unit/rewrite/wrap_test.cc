// SPDX-License-Identifier: Apache-2.0
// Headers before a whole packet, byte by byte.
#include "rewrite/wrap.h"

#include "l4_packets.h"

namespace adit {
namespace {

using DontFragment = Wrapping::DontFragment;

class WrapTest : public MbufTest {
 protected:
  static Wrapping wrapping(WrapKind kind, bool v6) {
    Wrapping how;
    how.kind = kind;
    how.source = *parse_ip(v6 ? "2001:db8::1" : "192.0.2.1");
    how.destination = *parse_ip(v6 ? "2001:db8::2" : "192.0.2.2");
    how.ttl = 17;
    return how;
  }
  Bytes wrap_bytes(const Bytes& inner, const Wrapping& how) {
    rte_mbuf* mbuf = to_mbuf(inner);
    EXPECT_EQ(wrap(mbuf, how, 0x1234), DropReason::kNone);
    const Bytes bytes = to_bytes(mbuf);
    rte_pktmbuf_free(mbuf);
    return bytes;
  }
  void expect_refused(rte_mbuf* mbuf, const Wrapping& how, DropReason reason) {
    const Bytes before = to_bytes(mbuf);
    EXPECT_EQ(wrap(mbuf, how, 1), reason);
    EXPECT_EQ(to_bytes(mbuf), before);
    rte_pktmbuf_free(mbuf);
  }
};

TEST_F(WrapTest, EveryKindHasItsHeaderBeforeTheWholePacket) {
  FrameMaker maker(1);
  for (WrapKind kind : {WrapKind::kIpip, WrapKind::kGre, WrapKind::kGue}) {
    for (bool outer6 : {false, true}) {
      for (bool inner6 : {false, true}) {
        for (unsigned payload : {100u, 101u, 5001u}) {
          SCOPED_TRACE(std::to_string(int(kind)) + (outer6 ? " 6" : " 4") + (inner6 ? " 6" : " 4"));
          Frame inner = make_packet(maker, {.v6 = inner6, .payload = payload});
          const unsigned tos = inner6 ? get16(inner.bytes, 0) >> 4 & 0xff : inner.bytes[1];
          Wrapping how = wrapping(kind, outer6);
          how.udp_checksum = outer6;
          const Bytes got = wrap_bytes(inner.bytes, how);
          const std::size_t ip = outer6 ? 40 : 20;
          const std::size_t begin = ip + (kind == WrapKind::kIpip  ? 0
                                          : kind == WrapKind::kGre ? 4
                                                                   : 12);
          ASSERT_EQ(got.size(), begin + inner.bytes.size());
          EXPECT_EQ(wrapping_bytes(how), begin);
          EXPECT_EQ(slice(got, begin, got.size()), inner.bytes);
          EXPECT_EQ(fault_of(got), "");
          const unsigned protocol = kind == WrapKind::kGre   ? 47
                                    : kind == WrapKind::kGue ? 17
                                    : inner6                 ? 41
                                                             : 4;
          EXPECT_EQ(got[outer6 ? 6 : 9], protocol);
          EXPECT_EQ(got[outer6 ? 7 : 8], 17);
          EXPECT_EQ(outer6 ? get16(got, 0) >> 4 & 0xff : got[1], tos);
          EXPECT_EQ(get16(got, outer6 ? 4 : 2), outer6 ? got.size() - 40 : got.size());
          const Bytes addresses = outer6 ? slice(got, 8, 40) : slice(got, 12, 20);
          Bytes wanted(how.source.bytes.begin(), how.source.bytes.begin() + (outer6 ? 16 : 4));
          wanted.insert(wanted.end(), how.destination.bytes.begin(),
                        how.destination.bytes.begin() + (outer6 ? 16 : 4));
          EXPECT_EQ(addresses, wanted);
          if (!outer6) {
            EXPECT_EQ(get32(got, 4), 0x4000u);  // no id, DF
          }
          if (kind == WrapKind::kGre) {
            EXPECT_EQ(get32(got, ip), inner6 ? 0x86ddu : 0x0800u);
          }
          if (kind == WrapKind::kGue) {
            EXPECT_GE(get16(got, ip), 0xc000u);
            EXPECT_EQ(get16(got, ip + 2), 6080u);
            EXPECT_EQ(get16(got, ip + 4), got.size() - ip);
            EXPECT_EQ(get16(got, ip + 6) != 0, outer6);
            EXPECT_EQ(get32(got, ip + 8), inner6 ? 0x00290000u : 0x00040000u);
          }
        }
      }
    }
  }
}

TEST_F(WrapTest, SourcePortIsEqualForAFlowAndDiffersBetweenFlows) {
  FrameMaker maker(2);
  const Frame frame = make_packet(maker, {});
  Bytes longer = frame.bytes, other = frame.bytes;
  put16(longer, 4, 0x7777);  // another id
  other[20] ^= 1;            // another source port
  const Wrapping how = wrapping(WrapKind::kGue, false);
  EXPECT_EQ(get16(wrap_bytes(frame.bytes, how), 20), get16(wrap_bytes(longer, how), 20));
  EXPECT_NE(get16(wrap_bytes(frame.bytes, how), 20), get16(wrap_bytes(other, how), 20));
}

TEST_F(WrapTest, DontFragmentIsSetClearedOrInherited) {
  FrameMaker maker(3);
  Frame free = make_packet(maker, {}), bound = free;
  put16(bound.bytes, 6, 0x4000);
  bound.finish_ip();
  const Frame six = make_packet(maker, {.v6 = true});
  struct Case {
    DontFragment df;
    const Frame& inner;
    uint32_t id_and_fragment;
  };
  for (const Case& each :
       {Case{DontFragment::kSet, free, 0x4000}, Case{DontFragment::kClear, bound, 0x12340000},
        Case{DontFragment::kInherit, free, 0x12340000}, Case{DontFragment::kInherit, bound, 0x4000},
        Case{DontFragment::kInherit, six, 0x4000}, Case{DontFragment::kClear, six, 0x12340000}}) {
    Wrapping how = wrapping(WrapKind::kIpip, false);
    how.dont_fragment = each.df;
    const Bytes got = wrap_bytes(each.inner.bytes, how);
    EXPECT_EQ(get32(got, 4), each.id_and_fragment);
    EXPECT_EQ(fault_of(got), "");
  }
}

TEST_F(WrapTest, WhatCannotBeWrappedIsRefusedUnchanged) {
  FrameMaker maker(4);
  const Wrapping four = wrapping(WrapKind::kGre, false), six = wrapping(WrapKind::kGre, true);
  const Frame frame = make_packet(maker, {});
  expect_refused(to_heap_mbuf(frame.bytes), four, DropReason::k_no_headroom);
  expect_refused(to_mbuf(slice(frame.bytes, 0, 19)), four, DropReason::k_ip_truncated);
  expect_refused(to_mbuf(slice(make_packet(maker, {.v6 = true}).bytes, 0, 39)), four,
                 DropReason::k_ip_truncated);
  rte_mbuf* pending = to_mbuf(frame.bytes);
  pending->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
  expect_refused(pending, four, DropReason::k_offload_malformed);
  // 65535 bytes with the IPv4 header; over IPv6 without.
  for (unsigned over : {0u, 1u}) {
    for (const Wrapping& how : {four, six}) {
      const unsigned most = 0xffff - (how.destination.is_v4() ? 24 : 4);
      Bytes longest = frame.bytes;
      longest.resize(most + over);
      rte_mbuf* mbuf = to_mbuf(longest);
      if (over == 1) {
        expect_refused(mbuf, how, DropReason::k_mtu_exceeded);
        continue;
      }
      EXPECT_EQ(wrap(mbuf, how, 1), DropReason::kNone);
      rte_pktmbuf_free(mbuf);
    }
  }
}

}  // namespace
}  // namespace adit
