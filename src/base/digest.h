// A 128-bit digest (XXH3) that chains batches and binds ranges of needles. It finds accidents and mixed-up
// stores; it is no defence against somebody who can write to the device.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace ciaos {

struct Digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const Digest&) const = default;
};

Digest digest_of(ByteSpan bytes);

// The same digest over bytes that come in pieces. Not thread-safe.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;
  void update(ByteSpan bytes);
  Digest value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ciaos
