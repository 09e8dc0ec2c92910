#include "engine/report_files.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ciaos::engine {
namespace {

constexpr InodeId kDirectory{(1ull << 63) + 1};
constexpr InodeId kDamaged{(1ull << 63) + 2};
constexpr InodeId kStats{(1ull << 63) + 3};
constexpr InodeId kVersion{(1ull << 63) + 4};
constexpr std::pair<InodeId, std::string_view> kReportFiles[] = {
    {kDamaged, "damaged"}, {kStats, "stats"}, {kVersion, "version"}};

// The lowest bits say which file, those above them which lookup.
constexpr unsigned kKindBits = 8;
InodeId kind_of(InodeId inode) {
  constexpr std::uint64_t kLookups = (1ull << 63) - (1ull << kKindBits);
  return InodeId(inode.value() & ~kLookups);
}
InodeId numbered(InodeId kind, std::uint64_t lookup) {
  return InodeId(kind.value() | (lookup << kKindBits & ~(1ull << 63)));
}

}  // namespace

std::string ReportFiles::make_text(InodeId inode) const {
  if (inode == kDamaged) return sources_.damaged();
  if (inode == kStats) return sources_.stats();
  return CIAOS_VERSION "\n";
}

Result<Attributes> ReportFiles::lookup(InodeId parent, std::string_view name) {
  if (is_reserved(parent, name)) return getattr(kDirectory);
  if (name == ".") return getattr(parent);
  if (parent != kDirectory) return fail(ENOTDIR);
  for (const auto& [inode, file] : kReportFiles) {
    if (name != file) continue;
    const std::uint64_t lookup = may_be_cached_ ? ++lookups_ : 0;
    return getattr(numbered(inode, lookup));
  }
  return fail(ENOENT);
}

Result<Attributes> ReportFiles::getattr(InodeId inode) {
  Attributes attributes;
  attributes.inode = inode;
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = born_;
  attributes.is_report = true;
  if (kind_of(inode) == kDirectory) {
    attributes.mode = S_IFDIR | 0555;
    attributes.links = 2;
    return attributes;
  }
  if (std::ranges::none_of(kReportFiles, [&](const auto& file) { return file.first == kind_of(inode); }))
    return fail(ENOENT);
  attributes.mode = S_IFREG | 0444;
  attributes.links = 1;
  attributes.size = make_text(kind_of(inode)).size();
  return attributes;
}

Result<std::size_t> ReportFiles::read(InodeId inode, std::uint64_t offset, MutableByteSpan into) {
  inode = kind_of(inode);
  if (inode == kDirectory) return fail(EISDIR);
  std::string fresh;
  if (offset == 0) fresh = make_text(inode);
  MutexLock lock(mutex_);
  std::string& text = texts_[inode];
  if (offset == 0) text = std::move(fresh);
  if (offset >= text.size()) return std::size_t{0};
  const std::size_t count = std::min<std::uint64_t>(into.size(), text.size() - offset);
  std::memcpy(into.data(), text.data() + offset, count);
  return count;
}

Status ReportFiles::readdir(InodeId inode, std::uint64_t after, bool /*attributes*/,
                            const Engine::DirectorySink& sink) {
  if (inode != kDirectory) return fail(ENOTDIR);
  if (after < 1 && !sink({".", kDirectory, DT_DIR, 1}, nullptr)) return {};
  if (after < 2 && !sink({"..", kRootInode, DT_DIR, 2}, nullptr)) return {};
  std::uint64_t position = kFirstNamePosition;
  for (const auto& [file, name] : kReportFiles) {
    const std::uint64_t here = position++;
    if (here <= after) continue;
    // Without attributes, so that whoever wants one looks it up.
    if (!sink({name, file, DT_REG, here}, nullptr)) return {};
  }
  return {};
}

std::string text_of(const Statistics& s) {
  const std::pair<std::string_view, std::uint64_t> lines[] = {
      {"damaged", s.scrub.damaged},
      {"scrub_rounds", s.scrub.rounds},
      {"scrub_read_bytes", s.scrub.read_bytes},
      {"scrub_repairs", s.scrub.repairs},
      {"reads_damaged", s.reader.damaged},
      {"device_reads", s.reader.device_reads},
      {"device_read_bytes", s.reader.device_read_bytes},
      {"compaction_volumes_emptied", s.compaction.volumes_emptied},
      {"compaction_moved_bytes", s.compaction.moved_bytes},
      {"compaction_punched_bytes", s.compaction.punched_bytes},
      {"volumes_freed", s.volumes_freed},
      {"snapshots_written", s.snapshots_written},
      {"batches_replayed", s.batches_replayed},
      {"index_rebuilt", s.index_rebuilt ? 1u : 0u},
      {"inodes_cached", s.inodes_cached},
      {"cache_bytes", s.cache_bytes},
      {"dirty_bytes", s.dirty_bytes},
  };
  std::string text;
  for (const auto& [name, value] : lines) text += fmt::format("{} {}\n", name, value);
  return text;
}

}  // namespace ciaos::engine
