#include "engine/scrub.h"

#include <algorithm>

#include "base/log.h"
#include "engine/paths.h"
#include "store/format.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kRowsPerScan = 1000;
constexpr std::size_t kRowsOfOneNeedleMax = 1u << 20;
constexpr std::uint64_t kPageBytes = 4u << 20;
// How often an idle scrubber looks at the clock.
constexpr std::uint64_t kIdleMs = 1000;
// And how long it lets go by after an error, of an index that cannot be read, say.
constexpr std::uint64_t kErrorMs = 60'000;

}  // namespace

void Scrub::start(const ScrubPosition& where) {
  position_ = noted_ = where;
  show_position();
  if (core_.options.scrub_bytes_per_second == 0 || !core_.options.background) return;
  thread_ = std::thread([this] { run(); });
}

void Scrub::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Scrub::show_position() {
  MutexLock lock(mutex_);
  shown_ = position_;
}

bool Scrub::is_stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

void Scrub::run() {
  while (true) {
    turn_.wait();
    auto stepped = is_due() && core_.committer->failure().ok() ? step(/*paced=*/true) : Result<bool>(false);
    turn_.end();
    if (!stepped.ok() && core_.committer->failure().ok())
      log(LogLevel::warning, "scrub: {}", to_string(stepped.error()));
    MutexLock lock(mutex_);
    if (!stopping_ && !stepped.ok()) wake_.wait_for(mutex_, kErrorMs);
    if (!stopping_ && stepped.ok() && !*stepped) wake_.wait_for(mutex_, kIdleMs);
    if (stopping_) return;
  }
}

bool Scrub::is_due() const {
  if (position_.in_round()) return true;
  const std::int64_t now = core_.clock.now().seconds;
  // A clock that went back says nothing. And the row may be anybody's: no difference that overflows.
  if (now < position_.round_began_seconds) return true;
  return static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(position_.round_began_seconds) >=
         core_.options.scrub_interval_seconds;
}

// Waits as long as `bytes` may take; false when it is time to stop.
bool Scrub::pause(std::uint64_t bytes) {
  const std::uint64_t left_ms =
      1000 * bytes / std::max<std::uint64_t>(core_.options.scrub_bytes_per_second, 1);
  const std::uint64_t begin = core_.clock.monotonic_ms();
  MutexLock lock(mutex_);
  while (!stopping_) {
    const std::uint64_t passed = core_.clock.monotonic_ms() - begin;
    if (passed >= left_ms) return true;
    wake_.wait_for(mutex_, left_ms - passed);
  }
  return false;
}

Result<bool> Scrub::step_now() {
  turn_.wait();
  Result<bool> more = is_stopping() ? Result<bool>(fail(ECANCELED)) : step(/*paced=*/false);
  turn_.end();
  return more;
}

Status Scrub::finish_round() {
  turn_.wait();
  Result<bool> more = true;
  while (more.ok() && *more) more = step(/*paced=*/false);
  turn_.end();
  return more.ok() ? Status{} : more.error();
}

// One volume, or what comes before the first; false when the round is at its end.
Result<bool> Scrub::step(bool paced) {
  if (!position_.in_round()) {
    TRY_VOID(begin_round());
    return true;
  }
  std::vector<meta::VolumeUsage> volumes = TRY(core_.rows->applied_volumes());
  std::ranges::sort(volumes, {}, &meta::VolumeUsage::volume);
  for (const meta::VolumeUsage& volume : volumes) {
    if (volume.row.state == meta::VolumeState::free || volume.volume < position_.at.volume) continue;
    if (volume.volume != position_.at.volume || volume.row.generation != position_.at.generation)
      position_.at = {volume.volume, volume.row.generation, 0};
    TRY_VOID(scrub_volume(volume, paced));
    if (is_stopping()) return true;
    position_.at = {VolumeId(volume.volume.value() + 1), Generation(1), 0};
    show_position();
    note_position();
    return true;
  }
  std::set<std::pair<VolumeId, Generation>> there;
  for (const meta::VolumeUsage& volume : volumes) there.emplace(volume.volume, volume.row.generation);
  damages_.keep_only(there);
  TRY_VOID(damages_.save());
  position_.at = {};
  show_position();
  note_position();
  ++rounds_;
  return false;
}

Status Scrub::begin_round() {
  position_ = {.at = {VolumeId(0), Generation(1), 0}, .round_began_seconds = core_.clock.now().seconds};
  show_position();
  repairs_ += TRY(maintenance_.repair_superblocks());
  repairs_ += TRY(maintenance_.repair_log());
  return {};
}

void Scrub::note_position() {
  if (position_ == noted_ || !core_.committer->admit().ok()) return;
  noted_ = position_;
  Gate::Pass pass(core_.gate);
  const VolumePosition& at = position_.at;
  const std::uint64_t volume = at.volume.value() + (std::uint64_t{at.generation.value()} << 32);
  core_.rows->put(meta::Counter::scrub_volume, 0, volume);
  core_.rows->put(meta::Counter::scrub_offset, 0, at.offset);
  core_.rows->put(meta::Counter::scrub_round_began, 0,
                  static_cast<std::uint64_t>(position_.round_began_seconds));
}

Status Scrub::scrub_volume(const meta::VolumeUsage& volume, bool paced) {
  meta::IndexReader reader = TRY(core_.index->reader());
  const auto device = core_.volumes->volume(volume.volume);
  std::optional<store::NeedleChecker> checker;
  if (device.ok()) checker.emplace(*device, core_.uuid);
  for (bool more = true; more;) {
    std::vector<Damage> found;
    Page page;
    {
      // Taken before the index is asked: as long as it lasts, what the rows name is neither punched nor given back.
      ReadEpochs::Ticket ticket(core_.read_epochs);
      page = TRY(next_page(reader, volume, position_.at.offset));
      found = TRY(check_page(page, checker ? &*checker : nullptr, device.ok() ? device->get() : nullptr,
                             device.code()));
    }
    const std::uint64_t end = page.last ? core_.volumes->superblock().volume_bytes : page.next;
    tell(reader, volume.volume, position_.at.offset, end, std::move(found));
    position_.at.offset = end;
    show_position();
    more = !page.last;
    const std::uint64_t bytes = checker ? checker->take_bytes_read() : 0;
    read_bytes_ += bytes;
    if (paced ? !pause(bytes) : is_stopping()) return {};
  }
  return damages_.save();
}

Result<Scrub::Page> Scrub::next_page(meta::IndexReader& reader, const meta::VolumeUsage& volume,
                                     std::uint64_t from) {
  Page page;
  for (std::size_t limit = kRowsPerScan;; limit *= 8) {
    page.rows = TRY(reader.extents_in_volume(volume.volume, from, limit));
    page.last = page.rows.size() < limit;
    const auto needle_of = [&](std::size_t i) { return page.rows[i].second.row.needle.at.offset; };
    // The last needle's rows may go on behind what was asked for.
    const bool one_needle = !page.last && needle_of(0) == needle_of(limit - 1);
    if (one_needle && limit < kRowsOfOneNeedleMax) continue;
    std::size_t count = 0;
    for (std::uint64_t bytes = 0; count < page.rows.size(); ++count) {
      const bool begins = count > 0 && needle_of(count) != needle_of(count - 1);
      if (begins && bytes >= kPageBytes) break;
      if (!page.last && !one_needle && needle_of(count) == needle_of(limit - 1)) break;
      if (begins || count == 0) bytes += page.rows[count].second.row.needle.payload_bytes;
    }
    if (count < page.rows.size()) {
      page.last = false;
      page.next = needle_of(count);
      page.rows.resize(count);
    } else if (!page.last) {
      const NeedlePlace& needle = page.rows.back().second.row.needle;
      page.next = store::needle_end(needle.at.offset, needle.payload_bytes);
    }
    std::erase_if(page.rows, [&](const auto& row) {
      return row.second.row.needle.at.generation != volume.row.generation;
    });
    return page;
  }
}

// `code_without`: why there is no device, if there is none.
Result<std::vector<Damage>> Scrub::check_page(const Page& page, store::NeedleChecker* checker,
                                              store::Device* device, int code_without) {
  std::vector<Damage> found;
  std::vector<store::DamagedPiece> pieces;
  const NeedlePlace* checked = nullptr;
  for (const auto& [inode, extent] : page.rows) {
    const meta::ExtentRow& row = extent.row;
    if (checked == nullptr || *checked != row.needle) {
      pieces = checker != nullptr ? checker->check(row.needle)
                                  : std::vector<store::DamagedPiece>{
                                        {0, row.needle.payload_bytes, row.needle.at.offset, code_without}};
      checked = &row.needle;
    }
    for (const store::DamagedPiece& piece : pieces) {
      const std::uint64_t begin = std::max<std::uint64_t>(piece.begin, row.payload_offset);
      const std::uint64_t end = std::min(piece.end, row.payload_offset + row.length);
      if (begin >= end || !TRY(is_current(inode, extent))) continue;
      Damage damage;
      damage.at = row.needle.at;
      damage.at.offset = piece.position;
      damage.inode = inode;
      damage.file_offset = extent.offset + (begin - row.payload_offset);
      damage.length = end - begin;
      damage.code = piece.code == EIO || piece.code == ENOENT ? piece.code : EUCLEAN;
      if (device != nullptr) {
        store::StoreDevice& whole = core_.volumes->device(device_of(row.needle.at.volume));
        damage.device = whole.kind() == store::StoreKind::raw ? whole.name() : device->name();
        damage.device_offset = device->native_offset() + piece.position;
      }
      found.push_back(std::move(damage));
    }
  }
  return found;
}

// What was overwritten or deleted since is nobody's damage.
Result<bool> Scrub::is_current(InodeId id, const meta::Extent& extent) {
  auto inode = core_.inodes->get(id);
  if (inode.code() == ENOENT) return false;
  InodeRef there = TRY(std::move(inode));
  ReaderLock lock(there->mutex);
  return files_.names(*there, extent);
}

void Scrub::tell(meta::IndexReader& reader, VolumeId volume, std::uint64_t begin, std::uint64_t end,
                 std::vector<Damage> found) {
  std::set<InodeId> inodes;
  for (const Damage& damage : found) inodes.insert(damage.inode);
  if (!inodes.empty() && reader.begin().ok()) {
    const auto paths = paths_of(reader, inodes);
    (void)reader.end().ok();
    for (Damage& damage : found) {
      if (const auto path = paths.find(damage.inode); path != paths.end()) damage.path = path->second;
    }
  }
  for (const Damage& damage : damages_.replace(volume, begin, end, found))
    log(LogLevel::error, "damaged: {}", describe(damage));
}

ScrubStats Scrub::stats() const {
  ScrubStats stats{
      .rounds = rounds_, .read_bytes = read_bytes_, .repairs = repairs_, .damaged = damages_.count()};
  MutexLock lock(mutex_);
  stats.in_round = shown_.in_round();
  stats.round_began_seconds = shown_.round_began_seconds;
  stats.at = shown_.at;
  return stats;
}

}  // namespace ciaos::engine
