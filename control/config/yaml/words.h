// SPDX-License-Identifier: Apache-2.0
// The words that stand for the values of an enum, in the file and wherever a value is shown.
#pragma once

#include <utility>

namespace adit {

template <class E>
using Word = std::pair<const char*, E>;

// Specialised with `static constexpr Word<E> kAll[]`.
template <class E>
struct WordsOf;

// Null for a value that has no word.
template <class E>
constexpr const char* word_of(E value) noexcept {
  for (const auto& [word, meaning] : WordsOf<E>::kAll)
    if (meaning == value) return word;
  return nullptr;
}

}  // namespace adit
