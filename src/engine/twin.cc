#include "engine/twin.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

// What the end of a file takes that is a needle of its own, and a little more. It takes room on the host.
constexpr std::uint64_t kCopiedMax = 256u << 10;

// A reader who goes forward has no more requests under way.
constexpr std::uint64_t kOvertakenMax = 4u << 20;

Status read_whole(int fd, std::uint64_t offset, MutableByteSpan into) {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno, "a twin");
    if (got == 0) return fail(EUCLEAN, "a twin is shorter than its file");
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

std::uint64_t blocks_of(std::uint64_t bytes) {
  return align_up(bytes, store::kBlockBytes) / store::kBlockBytes;
}

}  // namespace

Twin::Twin(std::uint64_t bytes, std::uint64_t change)
    : bytes_(bytes),
      change_(change),
      shared_(blocks_of(bytes)),
      verified_(blocks_of(bytes)),
      unverified_(blocks_of(bytes)) {}

std::uint64_t Twin::memory_of(std::uint64_t bytes) { return sizeof(Twin) + 2 * blocks_of(bytes) / 8; }

void Twin::give_up() { state_ = State::unfit; }

int Twin::descriptor() const {
  CIAOS_ASSERT(file_.valid());
  return file_.get();
}

Status Twin::prepare(store::StoreDevice& device) {
  sharing_.wait();
  Status made = file_.valid() ? Status() : make(device);
  sharing_.end();
  return made;
}

Status Twin::make(store::StoreDevice& device) {
  UniqueFd file = TRY(device.unnamed_file());
  if (::ftruncate(file.get(), static_cast<off_t>(bytes_)) != 0) return fail(errno, "the size of a twin");
  file_ = std::move(file);
  return {};
}

Status Twin::share(store::StoreDevice& device, const store::Device& volume, store::SharedRange range) {
  range.bytes = align_up(range.bytes, store::kBlockBytes);
  sharing_.wait();
  Status status = share_in_turn(device, volume, range);
  sharing_.end();
  return status;
}

Status Twin::share_in_turn(store::StoreDevice& device, const store::Device& volume,
                           const store::SharedRange& range) {
  const std::uint64_t end = range.to + range.bytes;
  if (is_shared(range.to, end)) return {};
  TRY_VOID(device.share(volume, range, file_.get()));
  // Whole blocks were shared: what lies behind the last byte is somebody else's.
  if (end > bytes_ && ::ftruncate(file_.get(), static_cast<off_t>(bytes_)) != 0)
    return fail(errno, "the size of a twin");
  note_shared(range.to, end);
  return {};
}

Status Twin::copy(std::uint64_t offset, ByteSpan bytes) {
  sharing_.wait();
  Status status = copy_in_turn(offset, bytes);
  sharing_.end();
  return status;
}

Status Twin::copy_in_turn(std::uint64_t offset, ByteSpan bytes) {
  copied_ += bytes.size();
  if (copied_ > kCopiedMax) return fail(EFBIG, "too much of it is no whole blocks of needles");
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(errno, "a twin");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

bool Twin::is_shared(std::uint64_t begin, std::uint64_t end) const {
  MutexLock lock(mutex_);
  if (shared_.empty()) return true;
  const auto first = shared_.begin() + static_cast<std::ptrdiff_t>(begin / store::kBlockBytes);
  return std::find(first, shared_.begin() + static_cast<std::ptrdiff_t>(blocks_of(end)), false) ==
         shared_.begin() + static_cast<std::ptrdiff_t>(blocks_of(end));
}

void Twin::note_shared(std::uint64_t begin, std::uint64_t end) {
  MutexLock lock(mutex_);
  if (shared_.empty()) return;
  CIAOS_ASSERT(blocks_of(end) <= shared_.size());
  std::fill(shared_.begin() + static_cast<std::ptrdiff_t>(begin / store::kBlockBytes),
            shared_.begin() + static_cast<std::ptrdiff_t>(blocks_of(end)), true);
}

Status Twin::read(std::uint64_t offset, MutableByteSpan into) {
  reading_.wait();
  Status status = read_in_turn(offset, into);
  reading_.end();
  return status;
}

Status Twin::read_in_turn(std::uint64_t offset, MutableByteSpan into) {
  const std::uint64_t end = offset + into.size();
  const bool overtook =
      read_up_to_ < offset && offset - read_up_to_ <= kOvertakenMax && is_shared(read_up_to_, offset);
  if (overtook) {
    ByteVector skipped(offset - read_up_to_);
    TRY_VOID(read_whole(file_.get(), read_up_to_, skipped));
  }
  const bool overtaken = end <= read_up_to_ && read_up_to_ - offset <= kOvertakenMax;
  if (!overtaken) read_up_to_ = end;
  return read_whole(file_.get(), offset, into);
}

bool Twin::note_verified(std::uint64_t begin, std::uint64_t end) {
  CIAOS_ASSERT(begin % store::kBlockBytes == 0 && (end % store::kBlockBytes == 0 || end == bytes_));
  MutexLock lock(mutex_);
  if (verified_.empty()) return false;
  for (std::uint64_t block = begin / store::kBlockBytes; block < blocks_of(end); ++block) {
    if (!verified_[block]) --unverified_;
    verified_[block] = true;
  }
  if (unverified_ > 0) return false;
  verified_ = {};
  shared_ = {};
  State expected = State::being_made;
  return state_.compare_exchange_strong(expected, State::whole);
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> Twin::next_unverified(std::uint64_t at,
                                                                             std::uint64_t most) const {
  MutexLock lock(mutex_);
  std::uint64_t block = at / store::kBlockBytes;
  while (block < verified_.size() && verified_[block]) ++block;
  if (block >= verified_.size()) return std::nullopt;
  const std::uint64_t begin = block;
  while (block < verified_.size() && !verified_[block] && (block - begin) * store::kBlockBytes < most)
    ++block;
  return std::pair(begin * store::kBlockBytes, std::min(block * store::kBlockBytes, bytes_));
}

bool Twin::is_mostly_verified() const {
  MutexLock lock(mutex_);
  return unverified_ < blocks_of(bytes_) / 2;
}

bool Twin::goes_on(std::uint64_t begin, std::uint64_t end) const {
  return begin < store::kBlockBytes || is_shared(begin - store::kBlockBytes, begin) || is_shared(begin, end);
}

}  // namespace ciaos::engine
