// readdir: names in order of their positions, which never change and never come back.
#include <dirent.h>
#include <sys/stat.h>

#include "engine/names.h"
#include "engine/rules.h"

namespace ciaos::engine {
namespace {

constexpr std::uint64_t kDotPosition = 1;
constexpr std::uint64_t kDotDotPosition = 2;
constexpr std::size_t kNamesPerRead = 256;

}  // namespace

std::optional<Attributes> Names::attributes_if_there(InodeId id) {
  auto inode = core_.inodes->get(id);
  if (!inode.ok()) return std::nullopt;
  ReaderLock lock((*inode)->mutex);
  if (!(*inode)->exists()) return std::nullopt;
  return attributes_of(id, (*inode)->row, (*inode)->buffer.bytes());
}

Status Names::readdir(InodeId id, std::uint64_t after, bool attributes, const Engine::DirectorySink& sink) {
  const InodeRef directory = TRY(core_.inodes->get(id));
  InodeId parent;
  {
    ReaderLock lock(directory->mutex);
    if (!directory->exists()) return fail(ENOENT);
    if (!S_ISDIR(directory->row.mode)) return fail(ENOTDIR);
    if (directory->row.links == 0) return {};  // removed while open: not even dots
    parent = id == kRootInode ? id : directory->row.parent;
  }
  if (after < kDotPosition && !sink({".", id, DT_DIR, kDotPosition}, nullptr)) return {};
  if (after < kDotDotPosition && !sink({"..", parent, DT_DIR, kDotDotPosition}, nullptr)) return {};
  after = std::max(after, kDotDotPosition);
  while (true) {
    std::vector<meta::NameEntry> entries;
    {
      ReaderLock lock(directory->mutex);
      if (!directory->exists()) return {};
      entries = TRY(core_.rows->names(id, after, kNamesPerRead));
      if (attributes) {
        for (const meta::NameEntry& entry : entries) core_.pins.add(entry.row.child);
      }
    }
    bool full = false;
    for (const meta::NameEntry& entry : entries) {
      bool taken = false;
      if (!full) {
        const std::optional<Attributes> known =
            attributes ? attributes_if_there(entry.row.child) : std::nullopt;
        if (!attributes || known) {  // else it went between the listing and here
          taken = sink({entry.name, entry.row.child, entry.row.type, entry.row.position},
                       known ? &*known : nullptr);
          full = !taken;
        }
      }
      // The sink keeps the pin of what it took; the others were pinned in vain.
      if (attributes && !taken) unpin(entry.row.child, 1);
    }
    if (full || entries.size() < kNamesPerRead) return {};
    after = entries.back().row.position;
  }
}

}  // namespace ciaos::engine
