#include "engine/hole_punch.h"

#include <algorithm>
#include <vector>

#include "store/format.h"
#include "store/needle_scanner.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kPageRows = 10'000;

using Span = DeadPayloads::Span;

// What rows of the applied index name, in order.
Result<std::vector<Span>> live_spans(Core& core, const meta::VolumeUsage& volume) {
  meta::IndexReader reader = TRY(core.index->reader());
  TRY_VOID(reader.begin());
  std::vector<Span> live;
  std::uint64_t from = 0;
  while (true) {
    const auto rows = TRY(reader.extents_in_volume(volume.volume, from, kPageRows));
    for (const auto& [inode, extent] : rows) {
      const NeedlePlace& needle = extent.row.needle;
      if (needle.at.generation != volume.row.generation) continue;
      if (!live.empty() && live.back().begin == needle.at.offset) continue;
      live.push_back({needle.at.offset, store::needle_end(needle.at.offset, needle.payload_bytes)});
    }
    if (rows.size() < kPageRows) break;
    const std::uint64_t last = rows.back().second.row.needle.at.offset;
    // A needle that more rows share than a page holds is known by now.
    from = last == from ? last + 1 : last;
  }
  TRY_VOID(reader.end());
  return live;
}

// The blocks of a dead needle's payload that hold nothing else.
Span blocks_of(const store::NeedleHeader& header) {
  const std::uint64_t begin = store::payload_position(header.at.offset, header.payload_bytes);
  return {align_up(begin, store::kBlockBytes), align_down(header.end(), store::kBlockBytes)};
}

Result<std::uint64_t> punch_between(Core& core, const meta::VolumeUsage& volume, const Span& gap) {
  if (gap.end <= gap.begin || gap.end - gap.begin < store::kAlignedPayloadBytes) return 0;
  const std::shared_ptr<store::Device> device = TRY(core.volumes->volume(volume.volume));
  const VolumePosition begin{volume.volume, volume.row.generation, gap.begin};
  store::NeedleScanner scanner(device, core.uuid, begin, gap.end);
  std::uint64_t punched = 0;
  while (const store::NeedleHeader* header = TRY(scanner.next())) {
    // Txn needles and snapshots go with their volume, when the log no longer wants them.
    if (header->kind != store::NeedleKind::data || header->payload_bytes < store::kAlignedPayloadBytes)
      continue;
    if (header->end() > gap.end) continue;
    const Span blocks = blocks_of(*header);
    TRY_VOID(device->discard(blocks.begin, blocks.end - blocks.begin));
    punched += blocks.end - blocks.begin;
  }
  return punched;
}

}  // namespace

bool can_punch(Core& core, VolumeId volume) {
  return core.volumes->device(device_of(volume)).kind() == store::StoreKind::directory;
}

Result<DeadPayloads> find_dead_payloads(Core& core, const meta::VolumeUsage& volume) {
  DeadPayloads dead{.volume = volume, .live = TRY(live_spans(core, volume)), .found_ms = 0};
  {
    // Any record will do, such as the root's row as it is: a batch that is durable proves all those before it.
    const InodeRef root = TRY(core.inodes->get(kRootInode));
    Gate::Pass pass(core.gate);
    WriterLock lock(root->mutex);
    core.rows->put(root->id, root->row);
  }
  TRY_VOID(core.committer->commit());
  core.read_epochs.wait_for_earlier();
  dead.found_ms = core.leases.now_ms();
  return dead;
}

Result<std::uint64_t> punch(Core& core, const DeadPayloads& dead) {
  const meta::VolumeUsage& volume = dead.volume;
  const std::uint64_t volume_bytes = core.volumes->superblock().volume_bytes;
  std::uint64_t punched = 0;
  std::uint64_t at = 0;
  for (const Span& needle : dead.live) {
    punched += TRY(punch_between(core, volume, {at, needle.begin}));
    at = std::max(at, align_up(needle.end, store::kNeedleAlignment));
  }
  return punched + TRY(punch_between(core, volume, {at, volume_bytes}));
}

}  // namespace ciaos::engine
