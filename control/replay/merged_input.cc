// SPDX-License-Identifier: Apache-2.0
#include "replay/merged_input.h"

#include <utility>

namespace adit::replay {

void MergedInput::add(PortId port, CaptureReader reader) {
  sources_.push_back({std::move(reader), port, std::nullopt, 0});
  advance(sources_.back());
}

void MergedInput::advance(Source& source) {
  source.head.reset();
  if (const auto packet = source.reader.read()) {
    source.head = Head{source.port, *packet};
    source.packets = packet->number;
  }
}

MergedInput::Source* MergedInput::earliest() noexcept {
  Source* best = nullptr;
  for (Source& source : sources_)
    if (source.head &&
        (best == nullptr || source.head->packet.time_ns < best->head->packet.time_ns))
      best = &source;
  return best;
}

const MergedInput::Head* MergedInput::peek() noexcept {
  const Source* best = earliest();
  return best == nullptr ? nullptr : &*best->head;
}

void MergedInput::pop() {
  if (Source* best = earliest()) advance(*best);
}

std::vector<MergedInput::Broken> MergedInput::broken() const {
  std::vector<Broken> list;
  for (const Source& source : sources_)
    if (!source.reader.broken().empty())
      list.push_back({source.port, source.packets, source.reader.broken()});
  return list;
}

}  // namespace adit::replay
