#include "tools/fsck/stray_needles.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/log_reader.h"

namespace ciaos::fsck {
namespace {

// How far a search goes on behind a place that cannot be read.
constexpr std::uint64_t kSkipBytes = 64 * 1024;

// The lives in which a volume may hold needles that count: the one its row knows, and the one that its first needle names,
// which may be newer than any row. What a header says is tried, not believed: checksums are seeded with it.
Result<std::set<Generation>> lives(Check& check, VolumeId volume,
                                   const std::map<VolumeId, Generation>& known) {
  std::set<Generation> lives{Generation(1)};
  if (check.superblock.kind == store::StoreKind::directory) return lives;
  if (const auto row = known.find(volume); row != known.end() && row->second != Generation())
    lives.insert(row->second);
  auto device = check.volumes->volume(volume);
  if (!device.ok()) return lives;
  store::IoBuffer block(store::kBlockBytes);
  if (!(*device)->read(0, block.span()).ok()) return lives;
  const auto magic = load_le<std::uint32_t>(block.data() + store::NeedleLayout::magic);
  if (magic == store::kNeedleMagic)
    lives.insert(Generation(load_le<std::uint32_t>(block.data() + store::NeedleLayout::generation)));
  return lives;
}

class Search {
 public:
  Search(Check& check, Sequence above, std::uint64_t& refused)
      : check_(check), above_(above), refused_(refused) {}

  Status in(VolumeId volume, Generation life) {
    std::uint64_t begin = 0;
    while (begin < check_.superblock.volume_bytes) {
      TRY_VOID(check_.progress.step(0));
      const auto keep = [&](const store::FoundNeedle& needle) {
        begin = needle.header.end();
        if (needle.header.kind == store::NeedleKind::data && needle.header.sequence > above_) {
          found_.push_back({needle.header.place(), needle.header.inode, needle.header.file_offset,
                            needle.header.sequence});
        }
        return true;
      };
      const Status scanned = store::scan_needles(*check_.volumes, check_.superblock.uuid, volume, life,
                                                 align_up(begin, store::kNeedleAlignment), keep);
      if (scanned.ok() || scanned.code() == ENOENT) break;
      ++refused_;
      begin = align_up(begin + 1, kSkipBytes);
    }
    return {};
  }

  std::vector<StrayNeedle> take() {
    std::stable_sort(found_.begin(), found_.end(), [](const StrayNeedle& a, const StrayNeedle& b) {
      return std::pair(a.sequence, a.place.at) < std::pair(b.sequence, b.place.at);
    });
    return std::move(found_);
  }

 private:
  Check& check_;
  const Sequence above_;
  std::uint64_t& refused_;
  std::vector<StrayNeedle> found_;
};

}  // namespace

Result<std::vector<StrayNeedle>> stray_needles(Check& check, Sequence above, std::uint64_t& refused) {
  std::map<VolumeId, Generation> known;
  for (const meta::VolumeUsage& usage : TRY(check.rows->volumes())) {
    known.emplace(usage.volume, usage.row.generation);
  }
  Search search(check, above, refused);
  for (const VolumeId volume : TRY(check.volumes->existing_volumes())) {
    for (const Generation life : TRY(lives(check, volume, known))) TRY_VOID(search.in(volume, life));
  }
  return search.take();
}

}  // namespace ciaos::fsck
