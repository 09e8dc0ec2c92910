#include "sidecar/aws_chunks.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ciaos::sidecar {
namespace {

constexpr std::size_t kLineBytesMax = 4096;
constexpr std::size_t kChunkTrailersMax = 16;

}  // namespace

Result<std::string> AwsChunks::read_line() {
  std::string line;
  while (line.size() < kLineBytesMax) {
    std::array<std::byte, 1> one{};
    if (TRY(from_.read(one)) == 0) return fail(EPROTO, "an aws-chunked body ends early");
    line += static_cast<char>(one[0]);
    if (line.ends_with("\r\n")) return line.substr(0, line.size() - 2);
  }
  return fail(EPROTO, "a line of an aws-chunked body does not end");
}

Status AwsChunks::begin_chunk() {
  const std::string line = TRY(read_line());
  const std::size_t semicolon = line.find(';');
  const std::string size = line.substr(0, semicolon);
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (size.empty() || error != std::errc{} || end != size.data() + size.size() || left_ > kAwsChunkBytesMax)
    return fail(EPROTO, "the size of an aws chunk");
  constexpr std::string_view kField = ";chunk-signature=";
  claimed_.clear();
  if (semicolon != std::string::npos && std::string_view(line).substr(semicolon).starts_with(kField))
    claimed_ = line.substr(semicolon + kField.size());
  in_chunk_ = true;
  return {};
}

Status AwsChunks::end_chunk() {
  in_chunk_ = false;
  if (check_.signature == nullptr) return {};
  const std::string expected =
      chunk_signature(check_.key, *check_.signature, previous_, hex(sha256_.finish()));
  if (!same_secret(expected, claimed_)) return fail(EBADMSG, "the signature of a chunk");
  previous_ = expected;
  return {};
}

Status AwsChunks::read_trailers() {
  std::string signed_text;
  std::string claimed;
  while (true) {
    // Some clients end the body with the last chunk's line.
    std::array<std::byte, 1> one{};
    std::string line;
    while (!line.ends_with("\r\n")) {
      if (TRY(from_.read(one)) == 0) break;
      line += static_cast<char>(one[0]);
      if (line.size() > kLineBytesMax) return fail(EPROTO, "a trailer that does not end");
    }
    while (line.ends_with('\r') || line.ends_with('\n')) line.pop_back();
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || trailers_.size() == kChunkTrailersMax) return fail(EPROTO, "a trailer");
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::string value = line.substr(colon + 1);
    value.erase(0, std::min(value.find_first_not_of(' '), value.size()));
    if (name == "x-amz-trailer-signature") {
      claimed = value;
      continue;
    }
    signed_text += name + ":" + value + "\n";
    trailers_.emplace_back(std::move(name), std::move(value));
  }
  if (check_.signature == nullptr || !check_.trailers_signed) return {};
  const std::string expected = trailer_signature(check_.key, *check_.signature, previous_,
                                                 hex(digest(DigestKind::sha256, signed_text)));
  return same_secret(expected, claimed) ? Status{} : Status(fail(EBADMSG, "the signature of the trailers"));
}

Result<std::size_t> AwsChunks::read(MutableByteSpan into) {
  if (ended_ || into.empty()) return std::size_t{0};
  if (!in_chunk_) TRY_VOID(begin_chunk());
  if (left_ == 0) {
    TRY_VOID(end_chunk());
    TRY_VOID(read_trailers());
    std::array<std::byte, 1> more{};
    if (TRY(from_.read(more)) != 0) return fail(EPROTO, "bytes behind the last chunk");
    ended_ = true;
    return std::size_t{0};
  }
  const std::size_t count = TRY(from_.read(into.first(std::min<std::uint64_t>(into.size(), left_))));
  if (count == 0) return fail(EPROTO, "an aws-chunked body ends early");
  sha256_.update(into.first(count));
  left_ -= count;
  if (left_ == 0) {
    if (!TRY(read_line()).empty()) return fail(EPROTO, "an aws chunk is longer than it says");
    TRY_VOID(end_chunk());
  }
  return count;
}

}  // namespace ciaos::sidecar
