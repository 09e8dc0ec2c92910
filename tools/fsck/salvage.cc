#include "tools/fsck/salvage.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "store/needle_reader.h"
#include "tools/fsck/lost_found.h"
#include "tools/fsck/salvaged_files.h"
#include "tools/fsck/stray_needles.h"

namespace ciaos::fsck {
namespace {

constexpr std::size_t kNamesPerFolderStep = 4096;
constexpr std::uint64_t kHeaderCacheBytes = 16 << 20;

class Salvage {
 public:
  Salvage(Check& check, std::string into)
      : check_(check),
        into_(std::move(into)),
        reader_(*check.volumes, check.superblock.uuid, nullptr, kHeaderCacheBytes) {}

  Result<Salvaged> run() {
    if (const auto root = TRY(check_.rows->inode(kRootInode))) {
      paths_.emplace(kRootInode, into_);
      waiting_.emplace_back(kRootInode, into_);
      folders_.emplace_back(into_, *root);
    }
    TRY_VOID(copy_waiting_folders());
    TRY_VOID(copy_unnamed());
    TRY_VOID(copy_stray());
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
      note(dress(folder->first, folder->second));
    }
    return result_;
  }

 private:
  // What goes wrong with one file is no reason to leave out the next.
  void note(const Status& status) {
    if (status.ok()) return;
    ++result_.lost;
    check_.report.say("lost: " + to_string(status.error()));
  }

  Status copy_waiting_folders() {
    while (!waiting_.empty()) {
      const auto [folder, path] = std::move(waiting_.front());
      waiting_.pop_front();
      std::uint64_t after = 0;
      for (;;) {
        const auto names = TRY(check_.rows->names(folder, after, kNamesPerFolderStep));
        if (names.empty()) break;
        for (const meta::NameEntry& name : names) {
          TRY_VOID(check_.progress.step(0));
          TRY_VOID(copy(name.row.child, fmt::format("{}/{}", path, name.name)));
        }
        after = names.back().row.position;
      }
    }
    return {};
  }

  Status copy(InodeId inode, const std::string& path) {
    const std::optional<meta::InodeRow> row = TRY(check_.rows->inode(inode));
    if (!row) {
      note(fail(ENOENT, fmt::format("{}: inode {}", path, inode.value())));
      return {};
    }
    const auto known = paths_.find(inode);
    if (known != paths_.end()) {
      // A second name; of a folder there is only one, or a circle.
      note(S_ISDIR(row->mode) ? Status(fail(ELOOP, path)) : make_link(known->second, path));
      return {};
    }
    paths_.emplace(inode, path);
    if (S_ISDIR(row->mode)) {
      ++result_.directories;
      note(make_folder(path));
      TRY_VOID(copy_attributes(inode, path));
      folders_.emplace_back(path, *row);
      waiting_.emplace_back(inode, path);
      return {};
    }
    ++result_.files;
    if (S_ISREG(row->mode)) {
      TRY_VOID(copy_file(inode, *row, path));
    } else {
      note(S_ISLNK(row->mode) ? make_symlink(path, row->content) : make_special(path, *row));
    }
    TRY_VOID(copy_attributes(inode, path));
    note(dress(path, *row));
    return {};
  }

  Status copy_attributes(InodeId inode, const std::string& path) {
    for (const std::string& name : TRY(check_.rows->xattr_names(inode))) {
      const auto value = TRY(check_.rows->xattr(inode, name));
      if (value) note(set_attribute(path, name, value->value));
    }
    return {};
  }

  Status copy_file(InodeId inode, const meta::InodeRow& row, const std::string& path) {
    note(make_empty_file(path));
    constexpr std::size_t kExtentsAtOnce = 4096;
    for (std::uint64_t begin = 0;;) {
      const auto extents = TRY(check_.rows->extents(inode, begin, ~std::uint64_t{0}, kExtentsAtOnce));
      for (const meta::Extent& extent : extents) {
        TRY_VOID(check_.progress.step(0));
        if (extent.row.is_reserved()) continue;
        TRY_VOID(
            copy_bytes(extent.row.needle, extent.row.payload_offset, extent.row.length, path, extent.offset));
      }
      if (extents.size() < kExtentsAtOnce) break;
      begin = extents.back().end();
    }
    note(set_size(path, row.size));
    return {};
  }

  // A run in one go; where that fails, the pieces of it that verify. An error is about the folder that is written.
  Status copy_bytes(const NeedlePlace& place, std::uint64_t from, std::uint64_t bytes,
                    const std::string& path, std::uint64_t offset) {
    if (!lies_in_payload(place, from, bytes)) {
      note(fail(EUCLEAN, fmt::format("{}: {} bytes from {}", path, bytes, offset)));
      return {};
    }
    buffer_.resize(bytes);
    const Status whole = reader_.read(place, from, buffer_);
    if (whole.ok()) return write(path, offset, buffer_);
    for (std::uint64_t at = from; at < from + bytes;) {
      const std::uint64_t end =
          std::min(from + bytes, align_down(at, store::kBlockBytes) + store::kBlockBytes);
      buffer_.resize(end - at);
      const Status piece = reader_.read(place, at, buffer_);
      const std::uint64_t file_offset = offset + (at - from);
      if (piece.ok()) {
        TRY_VOID(write(path, file_offset, buffer_));
      } else {
        note(with_context(piece.error(), fmt::format("{}: {} bytes from {}", path, end - at, file_offset)));
      }
      at = end;
    }
    return {};
  }

  static bool lies_in_payload(const NeedlePlace& place, std::uint64_t from, std::uint64_t bytes) {
    return place.payload_bytes <= store::kDataPayloadBytesMax && from <= place.payload_bytes &&
           bytes <= place.payload_bytes - from;
  }

  Status write(const std::string& path, std::uint64_t offset, ByteSpan bytes) {
    result_.bytes += bytes.size();
    return write_at(path, offset, bytes);
  }

  Result<std::string> lost_found() {
    const std::string path = into_ + "/" + kLostFound;
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) TRY_VOID(make_folder(path));
    return path;
  }

  Status copy_unnamed() {
    std::vector<InodeId> unnamed;
    TRY_VOID(for_each_row(*check_.rows, [&](const meta::Changes& piece) {
      for (const auto& [id, row] : piece.inodes) {
        if (row->links > 0 && !paths_.contains(id)) unnamed.push_back(id);
      }
      return Status();
    }));
    for (const InodeId inode : unnamed) {
      // One that was copied meanwhile lay in a folder without a name.
      if (paths_.contains(inode)) continue;
      TRY_VOID(copy(inode, unused(fmt::format("{}/#{}", TRY(lost_found()), inode.value()))));
      TRY_VOID(copy_waiting_folders());
    }
    return {};
  }

  Status copy_stray() {
    std::uint64_t refused = 0;
    const std::vector<StrayNeedle> needles = TRY(stray_needles(check_, check_.log_end.sequence, refused));
    if (refused > 0) note(fail(EIO, fmt::format("{} places could not be searched", refused)));
    std::map<InodeId, std::string> made;
    for (const StrayNeedle& needle : needles) {
      TRY_VOID(check_.progress.step(0));
      auto at = made.find(needle.inode);
      if (at == made.end()) {
        at =
            made.emplace(needle.inode, unused(fmt::format("{}/#{}", TRY(lost_found()), needle.inode.value())))
                .first;
        TRY_VOID(make_empty_file(at->second));
      }
      ++result_.without_row;
      TRY_VOID(copy_bytes(needle.place, 0, needle.place.payload_bytes, at->second, needle.file_offset));
    }
    return {};
  }

  Check& check_;
  const std::string into_;
  store::NeedleReader reader_;
  Salvaged result_;
  ByteVector buffer_;
  std::map<InodeId, std::string> paths_;
  std::deque<std::pair<InodeId, std::string>> waiting_;          // folders whose names are to be copied
  std::vector<std::pair<std::string, meta::InodeRow>> folders_;  // to be dressed last
};

}  // namespace

Result<Salvaged> salvage(Check& check, const std::string& into) {
  if (!check.rows) return fail(EUCLEAN, "no device says which store this is");
  std::error_code error;
  if (!std::filesystem::exists(into, error)) {
    TRY_VOID(make_folder(into));
  } else if (!std::filesystem::is_empty(into, error) || error) {
    return fail(ENOTEMPTY, into);
  }
  return Salvage(check, into).run();
}

}  // namespace ciaos::fsck
