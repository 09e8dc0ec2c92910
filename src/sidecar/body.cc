#include "sidecar/body.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/clock.h"

namespace ciaos::sidecar {
namespace {

constexpr std::uint64_t kDrainBytesMax = 1ull << 30;
constexpr std::size_t kChunkLineBytesMax = 4096;
constexpr int kTrailersMax = 64;

std::uint64_t now_ms() { return SystemClock().monotonic_ms(); }

}  // namespace

Result<std::size_t> read_full(ByteSource& source, MutableByteSpan into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t count = TRY(source.read(into.subspan(done)));
    if (count == 0) break;
    done += count;
  }
  return done;
}

Body::Body(Connection& connection, const HttpHead& head)
    : connection_(connection),
      chunked_(head.chunked),
      owes_continue_(head.expects_continue),
      ended_(!head.has_body()),
      left_(head.chunked ? 0 : head.content_length.value_or(0)),
      began_ms_(now_ms()) {}

Result<std::string> Body::read_line() {
  std::string line;
  while (line.size() < kChunkLineBytesMax) {
    std::array<std::byte, 1> one{};
    if (TRY(connection_.read(one)) == 0) return fail(ECONNRESET);
    line += static_cast<char>(one[0]);
    if (line.ends_with("\r\n")) return line.substr(0, line.size() - 2);
  }
  return fail(EPROTO, "a line of a chunk that does not end");
}

Status Body::next_chunk() {
  if (in_chunk_ && !TRY(read_line()).empty()) return fail(EPROTO, "a chunk that is longer than it says");
  const std::string line = TRY(read_line());
  const std::string size = line.substr(0, line.find(';'));
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (size.empty() || error != std::errc{} || end != size.data() + size.size())
    return fail(EPROTO, "the size of a chunk");
  in_chunk_ = true;
  if (left_ > 0) return {};
  for (int i = 0; i < kTrailersMax; ++i) {
    if (TRY(read_line()).empty()) {
      ended_ = true;
      return {};
    }
  }
  return fail(EPROTO, "too many trailers");
}

Result<std::size_t> Body::read_piece(MutableByteSpan into) {
  if (owes_continue_) {
    owes_continue_ = false;
    TRY_VOID(connection_.write("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  if (chunked_ && left_ == 0) TRY_VOID(next_chunk());
  if (ended_) return std::size_t{0};
  const std::size_t count = TRY(connection_.read(into.first(std::min<std::uint64_t>(into.size(), left_))));
  if (count == 0) return fail(ECONNRESET, "the body is shorter than announced");
  left_ -= count;
  bytes_ += count;
  if (!chunked_ && left_ == 0) ended_ = true;
  const std::uint64_t took_ms = now_ms() - began_ms_;
  if (took_ms > kBodySlowGraceMs && bytes_ / (took_ms / 1000) < kBodyBytesPerSecondMin)
    return fail(ETIMEDOUT);
  return count;
}

Result<std::size_t> Body::read(MutableByteSpan into) {
  if (failed_) return fail(ECONNRESET);
  if (ended_ || into.empty()) return std::size_t{0};
  auto count = read_piece(into);
  failed_ = !count.ok();
  return count;
}

bool Body::drain() {
  // Whoever waits for our word before sending gets the answer instead; what he makes of that is not known. With no body to wait
  // for, some still read the word first, and take an answer in its place for that of their next request as well.
  if (owes_continue_ && !ended_) return false;
  if (std::exchange(owes_continue_, false) && !connection_.write("HTTP/1.1 100 Continue\r\n\r\n").ok())
    return false;
  std::array<std::byte, 16 * 1024> bytes{};
  for (std::uint64_t drained = 0; !ended_ && drained < kDrainBytesMax;) {
    const auto count = read(bytes);
    if (!count.ok()) return false;
    drained += *count;
  }
  return ended_ && !failed_;
}

}  // namespace ciaos::sidecar
