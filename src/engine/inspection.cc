#include "engine/inspection.h"

#include <algorithm>

#include "engine/hole_punch.h"
#include "engine/victims.h"
#include "store/needle_scanner.h"

namespace ciaos::engine {
namespace {

constexpr std::size_t kNamesPerPage = 1000;
constexpr std::size_t kTreesPerPage = 1000;
constexpr int kDepthMax = 4096;  // deeper than any path: rows that go in a circle

}  // namespace

StoreState Inspection::store() {
  const store::Superblock superblock = core_.volumes->superblock();
  StoreState state;
  state.uuid = core_.uuid;
  state.label = superblock.label;
  state.volume_bytes = superblock.volume_bytes;
  state.epoch = superblock.epoch;
  state.index_directory = core_.index_directory;
  state.index_wal_bytes = core_.index->wal_bytes();
  for (std::uint32_t i = 0; i < core_.volumes->device_count(); ++i)
    state.devices.push_back(core_.volumes->device(i).name());
  if (core_.read_only()) {
    auto reader = core_.index->reader();
    const auto applied = reader.ok() ? reader->applied() : Result<std::optional<TxnRef>>(reader.error());
    if (applied.ok() && *applied) state.applied_batch = (*applied)->sequence;
    return state;
  }
  state.open_batch = core_.committer->open_sequence();
  state.durable_batch = core_.committer->durable_sequence();
  state.applied_batch = core_.committer->applied_ref().sequence;
  if (const Status failure = core_.committer->failure(); !failure.ok())
    state.failure = to_string(failure.error());
  return state;
}

// A store that takes no more changes has its index as it is.
Status Inspection::bring_up_to_date() {
  if (core_.read_only() || !core_.committer->failure().ok()) return {};
  TRY_VOID(core_.committer->commit());
  return core_.committer->settle();
}

Result<Inspection::Where> Inspection::where(const VolumePosition& at) {
  const std::shared_ptr<store::Device> volume = TRY(core_.volumes->volume(at.volume));
  store::StoreDevice& whole = core_.volumes->device(device_of(at.volume));
  const bool raw = whole.kind() == store::StoreKind::raw;
  return Where{raw ? whole.name() : volume->name(), volume->native_offset() + at.offset};
}

Result<std::vector<VolumeInfo>> Inspection::volumes() {
  const std::uint64_t volume_bytes = core_.volumes->superblock().volume_bytes;
  const std::uint64_t usable_bytes = store::usable_volume_bytes(volume_bytes, core_.log_limits);
  const auto damaged = damages_.by_volume();
  std::vector<VolumeInfo> states;
  for (const meta::VolumeUsage& usage : TRY(core_.rows->applied_volumes())) {
    if (usage.row.state == meta::VolumeState::free) continue;
    VolumeInfo state{.usage = usage, .held_bytes = volume_bytes};
    if (const auto found = damaged.find(usage.volume); found != damaged.end())
      state.damaged_places = found->second;
    // One that is missing is still a row, and what it held is damage.
    if (const auto place = where({usage.volume, usage.row.generation, 0}); place.ok()) {
      state.device = place->device;
      state.device_offset = place->offset;
      if (const auto volume = core_.volumes->volume(usage.volume);
          volume.ok() && can_punch(core_, usage.volume))
        state.held_bytes = (*volume)->allocated_bytes().ok() ? *(*volume)->allocated_bytes() : volume_bytes;
    } else {
      state.missing = true;
    }
    if (usage.row.state == meta::VolumeState::sealed)
      state.garbage_bytes = VolumeFill{usage, std::min(usable_bytes, state.held_bytes)}.garbage_bytes();
    states.push_back(std::move(state));
  }
  std::ranges::sort(states, {}, [](const VolumeInfo& state) { return state.usage.volume; });
  return states;
}

Result<std::vector<ExtentPlace>> Inspection::extents(InodeId id, std::uint64_t from, std::size_t limit) {
  const InodeRef inode = TRY(core_.inodes->get(root_.meant(id)));
  std::vector<meta::Extent> rows;
  {
    ReaderLock lock(inode->mutex);
    if (!S_ISREG(inode->row.mode)) return fail(ENOTSUP, "no regular file");
    rows = TRY(core_.rows->extents(inode->id, from, kFileBytesMax, limit));
  }
  std::vector<ExtentPlace> places;
  for (const meta::Extent& row : rows) {
    ExtentPlace place{.extent = row, .reserved = row.row.needle.at.volume == meta::kNoVolume};
    if (!place.reserved) {
      if (const auto at = where(row.row.needle.at); at.ok()) {
        place.device = at->device;
        place.device_offset = at->offset;
      }
    }
    places.push_back(std::move(place));
  }
  return places;
}

Result<std::uint64_t> Inspection::buffered_bytes(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(root_.meant(id)));
  ReaderLock lock(inode->mutex);
  return inode->buffer.bytes();
}

std::vector<std::optional<VolumePosition>> Inspection::places(std::span<const InodeId> inodes) {
  std::vector<std::optional<VolumePosition>> found;
  found.reserve(inodes.size());
  // Without locks and without taking them into memory: where something lies is a hint, and may be old when it is used.
  for (const InodeId inode : inodes) {
    const auto rows = core_.rows->extents(root_.meant(inode), 0, kFileBytesMax, 1);
    const bool any = rows.ok() && !rows->empty() && rows->front().row.needle.at.volume != meta::kNoVolume;
    found.push_back(any ? std::optional(rows->front().row.needle.at) : std::nullopt);
  }
  return found;
}

Result<NeedleState> Inspection::needle(VolumeId volume, std::uint64_t offset) {
  TRY_VOID(bring_up_to_date());
  const std::shared_ptr<store::Device> device = TRY(core_.volumes->volume(volume));
  if (offset % store::kNeedleAlignment != 0 || offset >= device->size())
    return fail(EINVAL, "no needle begins there: offsets are multiples of 8 inside the volume");
  Generation generation(1);
  for (const meta::VolumeUsage& usage : TRY(core_.rows->applied_volumes())) {
    if (usage.volume == volume) generation = usage.row.generation;
  }
  const VolumePosition at{volume, generation, offset};
  const std::uint64_t begin = align_down(offset, store::kBlockBytes);
  const std::uint64_t longest = store::needle_header_bytes(store::kTxnPayloadBytesMax);
  const std::uint64_t end = std::min(align_up(offset + longest, store::kBlockBytes), device->size());
  store::IoBuffer buffer(end - begin);
  TRY_VOID(device->read(begin, buffer.span()));
  NeedleState state;
  state.header = TRY(store::decode_needle_header(core_.uuid, at, buffer.span().subspan(offset - begin)));
  if (state.header.end() > device->size()) return fail(EUCLEAN, "it ends behind its volume");
  state.payload = store::check_payload(*device, core_.uuid, state.header);
  const Where place = TRY(where(at));
  state.device = place.device;
  state.device_offset = place.offset;
  meta::IndexReader reader = TRY(core_.index->reader());
  for (const auto& [inode, extent] : TRY(reader.extents_in_volume(volume, offset, kNamedByMax))) {
    if (extent.row.needle.at.offset == offset) state.named_by.emplace_back(inode, extent);
  }
  return state;
}

// Rows know the way down only, but a directory's row names its parent.
Result<std::string> Inspection::path_of(InodeId directory) {
  std::string path;
  for (int depth = 0; directory != kRootInode; ++depth) {
    const std::optional<meta::InodeRow> row = TRY(core_.rows->inode(directory));
    if (!row || depth > kDepthMax) return fail(ENOENT);
    std::optional<std::string> name;
    for (std::uint64_t after = 0; !name;) {
      const auto names = TRY(core_.rows->names(row->parent, after, kNamesPerPage));
      const auto found =
          std::ranges::find(names, directory, [](const meta::NameEntry& entry) { return entry.row.child; });
      if (found != names.end()) {
        name = found->name;
      } else if (names.size() < kNamesPerPage) {
        return fail(ENOENT);
      } else {
        after = names.back().row.position;
      }
    }
    path.insert(0, "/" + *name);
    directory = row->parent;
  }
  return path.empty() ? "/" : path;
}

Result<std::vector<QuotaState>> Inspection::quotas() {
  TRY_VOID(bring_up_to_date());
  meta::IndexReader reader = TRY(core_.index->reader());
  std::vector<QuotaState> trees;
  InodeId after;
  while (true) {
    const std::vector<InodeId> roots = TRY(reader.having_xattr(meta::kQuotaXattr, after, kTreesPerPage));
    for (const InodeId root : roots) {
      const QuotaRef tree = TRY(core_.quotas->tree_of(root));
      auto path = path_of(root);
      // One that was removed since.
      if (!path.ok()) continue;
      trees.push_back({.root = root, .path = *std::move(path), .row = core_.quotas->row_of(*tree)});
    }
    if (roots.size() < kTreesPerPage) return trees;
    after = roots.back();
  }
}

Result<KeptUsage> Inspection::usage(InodeId id) {
  const InodeId meant = root_.meant(id);
  if (meant == kRootInode) return KeptUsage{core_.stored_bytes, core_.inode_count};
  const InodeRef inode = TRY(core_.inodes->get(meant));
  ReaderLock lock(inode->mutex);
  if (inode->quota && inode->row.quota_root == meant) {
    const meta::QuotaRow row = core_.quotas->row_of(*inode->quota);
    return KeptUsage{row.bytes, row.files};
  }
  if (inode->is_directory()) return fail(ENODATA, "only of the store and of quota trees is a sum kept");
  return KeptUsage{meta::charged_bytes(inode->row.stored_bytes + inode->buffer.bytes()), 1};
}

Result<InodeId> Inspection::tree_of(InodeId id) {
  const InodeRef inode = TRY(core_.inodes->get(root_.meant(id)));
  ReaderLock lock(inode->mutex);
  return inode->row.quota_root;
}

}  // namespace ciaos::engine
