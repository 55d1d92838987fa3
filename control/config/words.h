// SPDX-License-Identifier: Apache-2.0
// The words of the configuration's enums; those of tunnel kinds, checks and DNS types stand in
// their own tables.
#pragma once

#include "adit/service.h"
#include "config/config.h"
#include "config/yaml/words.h"

namespace adit {

#define ADIT_WORDS(Enum, ...)                         \
  template <>                                         \
  struct WordsOf<Enum> {                              \
    using E = Enum;                                   \
    static constexpr Word<Enum> kAll[] = __VA_ARGS__; \
  }

ADIT_WORDS(PollMode, {{"adaptive", E::kAdaptive}, {"busy", E::kBusy}});
ADIT_WORDS(HugepageMode, {{"auto", E::kAuto}, {"yes", E::kYes}, {"no", E::kNo}});
ADIT_WORDS(LogTarget, {{"stderr", E::kStderr}, {"journald", E::kJournald}, {"syslog", E::kSyslog}});
ADIT_WORDS(LogLevel,
           {{"debug", E::kDebug}, {"info", E::kInfo}, {"warn", E::kWarn}, {"error", E::kError}});
ADIT_WORDS(OffloadMode, {{"auto", E::kAuto}, {"off", E::kOff}});
ADIT_WORDS(Steer, {{"auto", E::kAuto}, {"all", E::kAll}});
ADIT_WORDS(BondMode, {{"round-robin", E::kRoundRobin},
                      {"active-backup", E::kActiveBackup},
                      {"balance", E::kBalance},
                      {"broadcast", E::kBroadcast},
                      {"802.3ad", E::kLacp},
                      {"tlb", E::kTlb},
                      {"alb", E::kAlb}});
ADIT_WORDS(BondHash,
           {{"layer2", E::kLayer2}, {"layer2+3", E::kLayer23}, {"layer3+4", E::kLayer34}});
ADIT_WORDS(LacpSelect,
           {{"stable", E::kStable}, {"bandwidth", E::kBandwidth}, {"count", E::kCount}});
ADIT_WORDS(HeaderMode, {{"pipe", E::kPipe}, {"uniform", E::kUniform}});
ADIT_WORDS(DfPolicy, {{"set", E::kSet}, {"clear", E::kClear}, {"inherit", E::kInherit}});
ADIT_WORDS(TooBig, {{"icmp", E::kIcmp}, {"fragment", E::kFragment}, {"drop", E::kDrop}});
ADIT_WORDS(Protocol, {{"tcp", E::kTcp}, {"udp", E::kUdp}, {"sctp", E::kSctp}});
ADIT_WORDS(Forwarding, {{"nat", E::kNat},
                        {"direct", E::kDirect},
                        {"tunnel", E::kTunnel},
                        {"fullnat", E::kFullNat}});
ADIT_WORDS(WrapKind, {{"ipip", E::kIpip}, {"gre", E::kGre}, {"gue", E::kGue}});
ADIT_WORDS(Unmatched, {{"drop", E::kDrop}, {"reset", E::kReset}, {"schedule", E::kSchedule}});
ADIT_WORDS(ClientAddress, {{"none", E::kNone}, {"toa", E::kToa}, {"proxy", E::kProxy}});
ADIT_WORDS(WhenFull, {{"refuse", E::kRefuse}, {"replace_half_open", E::kReplaceHalfOpen}});
ADIT_WORDS(OnDown, {{"expire", E::kExpire}, {"keep", E::kKeep}});
ADIT_WORDS(InitialState, {{"up", E::kUp}, {"down", E::kDown}});
ADIT_WORDS(CheckWay, {{"packets", E::kPackets}, {"host", E::kHost}});
ADIT_WORDS(Silence, {{"up", E::kUp}, {"down", E::kDown}});

#undef ADIT_WORDS

}  // namespace adit
