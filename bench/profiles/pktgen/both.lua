-- SPDX-License-Identifier: Apache-2.0
-- Pktgen-DPDK: both ports at one time, each playing its file, at rising shares of the line's rate; what is lost
-- is the difference of the totals. The first seconds are for adit to learn and do not count.
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;"
require "Pktgen"

local shares, learn_ms, trial_ms = { 1, 5, 10, 25, 50, 75, 100 }, 5000, 20000

local function totals()
  local stats = pktgen.portStats("0-1", "port")
  return stats[0].opackets + stats[1].opackets, stats[0].ipackets + stats[1].ipackets
end

local function run(share, ms)
  pktgen.set("0-1", "rate", share)
  pktgen.start("0-1")
  pktgen.delay(ms)
  pktgen.stop("0-1")
  pktgen.delay(2000)
end

pktgen.set("0-1", "count", 0)
run(1, learn_ms)
for _, share in ipairs(shares) do
  pktgen.clear("0-1")
  run(share, trial_ms)
  local sent, received = totals()
  printf("%d%% of the line: %d sent, %d received, lost %d\n", share, sent, received, sent - received)
end
