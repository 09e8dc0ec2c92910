#include "engine/twins.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "engine/core.h"
#include "engine/files.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

using meta::Extent;

// Each takes a descriptor, of which a process may have little.
constexpr std::size_t kTwinsMax = 1024;
constexpr std::size_t kPartOfDescriptors = 8;
// Of the memory for headers of needles, which a file without a twin would need.
constexpr std::uint64_t kPartOfMemory = 4;
// Sharing waits for whoever reads the twin, and the other way round: for a reader who goes forward it is done in few steps, which
// become as large as what he has read.
constexpr std::uint64_t kSharedAheadMin = 1u << 20;
constexpr std::uint64_t kSharedAheadMax = 16u << 20;
// So far behind a reader nobody copies from a page any more.
constexpr std::uint64_t kLeftBehindBytes = 32u << 20;
constexpr std::size_t kFinishedAtOnce = 1u << 20;

std::size_t twins_max() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return kTwinsMax;
  return std::min<std::size_t>(kTwinsMax, files.rlim_cur / kPartOfDescriptors);
}

bool is_aligned(std::uint64_t bytes) { return bytes % store::kBlockBytes == 0; }

// Whether whole blocks of its needle are whole blocks of the file; the last one need not be full.
bool is_fit(const Extent& extent, std::uint64_t file_bytes) {
  const meta::ExtentRow& row = extent.row;
  if (row.needle.payload_bytes < store::kAlignedPayloadBytes) return false;
  if (!is_aligned(extent.offset) || !is_aligned(row.payload_offset)) return false;
  const bool ends_both =
      extent.end() == file_bytes && row.payload_offset + row.length == row.needle.payload_bytes;
  return is_aligned(row.length) || ends_both;
}

bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Twins::Twins(Core& core, Files& files)
    : core_(core),
      files_(files),
      count_max_(twins_max()),
      memory_max_(core.options.header_cache_bytes / kPartOfMemory) {}
Twins::~Twins() = default;

Status Twins::check_possible() {
  if (core_.options.atime != AtimePolicy::none)
    return fail(ENOTSUP, "reads are to change access times, so they have to be heard of");
  store::StoreDevice& device = core_.volumes->device(0);
  const UniqueFd file = TRY(device.unnamed_file());
  const std::vector<VolumeId> volumes = TRY(core_.volumes->existing_volumes());
  if (volumes.empty()) return fail(ENOENT, "there is no volume to try it with");
  const std::shared_ptr<store::Device> volume = TRY(core_.volumes->volume(volumes.front()));
  return device.share(*volume, {.from = 0, .bytes = store::kBlockBytes, .to = 0}, file.get());
}

void Twins::begin(Unneeded unneeded) {
  unneeded_ = std::move(unneeded);
  begun_ = true;
}

bool Twins::are_worth_it() const {
  return core_.stored_bytes / std::max<std::uint64_t>(core_.inode_count, 1) >= kTwinBytesMin;
}

std::shared_ptr<const Twin> Twins::open(const Attributes& file) {
  if (!begun_ || !S_ISREG(file.mode) || file.is_report || file.size < kTwinBytesMin) return nullptr;
  if (Twin::memory_of(file.size) > memory_max_) return nullptr;
  Recent gone;  // dropped when the lock is
  MutexLock lock(mutex_);
  const auto known = by_inode_.find(file.inode);
  if (known != by_inode_.end()) {
    const Twin& twin = *known->second->twin;
    if (twin.change() == file.change && twin.bytes() == file.size) {
      recent_.splice(recent_.begin(), recent_, known->second);
      return twin.is_whole() ? recent_.front().twin : nullptr;
    }
    memory_ -= Twin::memory_of(twin.bytes());
    gone.splice(gone.begin(), recent_, known->second);
    by_inode_.erase(known);
  }
  recent_.push_front({file.inode, std::make_shared<Twin>(file.size, file.change)});
  by_inode_.emplace(file.inode, recent_.begin());
  memory_ += Twin::memory_of(file.size);
  evict_idle(count_max_, memory_max_, gone);
  return nullptr;
}

void Twins::evict_idle(std::size_t count_max, std::uint64_t memory_max, Recent& evicted) {
  for (auto at = recent_.end(); at != recent_.begin();) {
    if (recent_.size() <= count_max && memory_ <= memory_max) return;
    --at;
    if (at->twin.use_count() > 1) continue;
    memory_ -= Twin::memory_of(at->twin->bytes());
    by_inode_.erase(at->inode);
    const auto idle = at++;
    evicted.splice(evicted.begin(), recent_, idle);
  }
}

void Twins::drop_idle() {
  Recent evicted;
  MutexLock lock(mutex_);
  evict_idle(0, 0, evicted);
}

std::shared_ptr<Twin> Twins::find(InodeId inode) {
  MutexLock lock(mutex_);
  const auto known = by_inode_.find(inode);
  return known == by_inode_.end() ? nullptr : known->second->twin;
}

std::optional<std::size_t> Twins::read(InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  if (!begun_) return std::nullopt;
  const std::shared_ptr<Twin> twin = find(inode);
  if (twin == nullptr || twin->is_unfit()) return std::nullopt;
  if (!is_aligned(offset) || offset >= twin->bytes()) return std::nullopt;
  into = into.first(std::min<std::uint64_t>(into.size(), twin->bytes() - offset));
  if (!is_aligned(into.size()) && offset + into.size() != twin->bytes()) return std::nullopt;
  if (!twin->goes_on(offset, offset + into.size())) return std::nullopt;
  const Result<bool> read = read_through(*twin, inode, offset, into);
  if (!read) {
    log(LogLevel::debug, "inode {} is read without passing it through: {}", inode.value(),
        to_string(read.error()));
    twin->give_up();
  }
  return read && *read ? std::optional(into.size()) : std::nullopt;
}

bool Twins::has(InodeId inode) const {
  if (!begun_) return false;
  MutexLock lock(mutex_);
  return by_inode_.contains(inode);
}

Result<bool> Twins::share(Twin& twin, InodeId inode, std::uint64_t begin, std::uint64_t end) {
  const std::optional<std::vector<Extent>> extents = TRY(files_.stored(inode, twin.change(), begin, end));
  if (!extents) return false;
  const VolumeId first = extents->empty() ? VolumeId() : extents->front().row.needle.at.volume;
  TRY_VOID(twin.prepare(core_.volumes->device(device_of(first))));
  std::vector<NeedlePlace> needles;
  for (const Extent& extent : *extents) {
    if (core_.writer && !core_.writer->is_written(extent.row.needle)) return false;
    TRY_VOID(share(twin, extent));
    needles.push_back(extent.row.needle);
  }
  twin.note_shared(begin, end);
  core_.reader->learn_headers(needles);
  return true;
}

Status Twins::share(Twin& twin, const Extent& extent) {
  const auto& [length, needle, payload_offset] = extent.row;
  if (!is_fit(extent, twin.bytes())) {
    ByteVector bytes(length);
    TRY_VOID(core_.reader->read(needle, payload_offset, bytes));
    return twin.copy(extent.offset, bytes);
  }
  const std::shared_ptr<store::Device> volume = TRY(core_.volumes->volume(needle.at.volume));
  const std::uint64_t payload = store::payload_position(needle.at.offset, needle.payload_bytes);
  return twin.share(core_.volumes->device(device_of(needle.at.volume)), *volume,
                    {.from = payload + payload_offset, .bytes = length, .to = extent.offset});
}

// What was copied is compared, since it begins and ends anywhere in a piece that has a checksum.
Status Twins::verify(const Twin& twin, const Extent& whole, ByteSpan bytes, std::uint64_t begin) {
  const Extent extent = meta::clipped(whole, begin, begin + bytes.size());
  if (is_fit(whole, twin.bytes()))
    return core_.reader->verify(extent.row.needle, extent.row.payload_offset, bytes);
  ByteVector right(bytes.size());
  TRY_VOID(core_.reader->read(extent.row.needle, extent.row.payload_offset, right));
  if (!std::ranges::equal(right, bytes)) return fail(EUCLEAN, "a copy in a twin");
  return {};
}

Result<bool> Twins::read_through(Twin& twin, InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  const ReadEpochs::Ticket ticket(core_.read_epochs);
  const std::uint64_t end = offset + into.size();
  const std::uint64_t ahead = std::clamp(offset, kSharedAheadMin, kSharedAheadMax);
  // Before the host's own reading ahead gets there: sharing drops the pages that are in its way, and what reads ahead begins
  // again with small ones.
  if (!twin.is_shared(offset, std::min(end + ahead / 2, twin.bytes()))) {
    if (!TRY(share(twin, inode, offset, std::min(end + ahead, twin.bytes())))) return false;
    if (offset >= kLeftBehindBytes + ahead)
      unneeded_(inode, offset - kLeftBehindBytes - ahead, offset - kLeftBehindBytes);
  }
  const std::optional<std::vector<Extent>> extents = TRY(files_.stored(inode, twin.change(), offset, end));
  if (!extents) return false;
  TRY_VOID(twin.read(offset, into));
  std::uint64_t at = offset;
  const auto bytes_up_to = [&](std::uint64_t up_to) { return into.subspan(at - offset, up_to - at); };
  for (const Extent& whole : *extents) {
    const Extent extent = meta::clipped(whole, offset, end);
    if (!is_zero(bytes_up_to(extent.offset))) return fail(EUCLEAN, "a hole of a twin");
    at = extent.offset;
    TRY_VOID(verify(twin, whole, bytes_up_to(extent.end()), at));
    at = extent.end();
  }
  if (!is_zero(bytes_up_to(end))) return fail(EUCLEAN, "a hole of a twin");
  if (twin.note_verified(offset, end)) unneeded_(inode, 0, twin.bytes());
  return true;
}

void Twins::finish(InodeId inode, const std::function<bool()>& goes_on) {
  const std::shared_ptr<Twin> twin = find(inode);
  if (twin == nullptr || twin->is_whole() || twin->is_unfit() || !twin->is_mostly_verified()) return;
  store::IoBuffer bytes(kFinishedAtOnce);
  std::uint64_t at = 0;
  while (goes_on()) {
    const auto gap = twin->next_unverified(at, bytes.size());
    if (!gap) return;
    at = gap->second;
    const auto read = read_through(*twin, inode, gap->first, bytes.span().first(gap->second - gap->first));
    if (!read || !*read) return;
  }
}

TwinStats Twins::stats() const {
  TwinStats stats;
  MutexLock lock(mutex_);
  for (const Entry& entry : recent_) {
    if (entry.twin->is_unfit()) continue;
    ++(entry.twin->is_whole() ? stats.whole : stats.begun);
    if (entry.twin->is_whole()) stats.whole_bytes += entry.twin->bytes();
  }
  return stats;
}

}  // namespace ciaos::engine
