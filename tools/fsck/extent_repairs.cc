#include "tools/fsck/extent_repairs.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "store/needle.h"
#include "tools/fsck/lost_found.h"

namespace ciaos::fsck {
namespace {

using meta::Extent;

// nullopt: no needle verifies there, so nobody knows how old its bytes are.
Result<std::optional<Sequence>> sequence_of(Check& check, const NeedlePlace& place) {
  if (place.at.volume == meta::kNoVolume) return std::optional(Sequence());  // reserved: older than all data
  const std::uint64_t begin = align_down(place.at.offset, store::kBlockBytes);
  const std::uint64_t end = place.at.offset + store::needle_header_bytes(place.payload_bytes);
  auto volume = check.volumes->volume(place.at.volume);
  if (volume.code() == ENOENT) return std::optional<Sequence>();
  const std::shared_ptr<store::Device> device = TRY(std::move(volume));
  if (place.payload_bytes > store::kDataPayloadBytesMax || end > device->size())
    return std::optional<Sequence>();
  store::IoBuffer buffer(align_up(end, store::kBlockBytes) - begin);
  TRY_VOID(device->read(begin, buffer.span()));
  const ByteSpan bytes = buffer.span();
  const auto header =
      store::decode_needle_header(check.superblock.uuid, place.at, bytes.subspan(place.at.offset - begin));
  if (!header.ok() || header->header_crc != place.header_crc) return std::optional<Sequence>();
  return std::optional(header->sequence);
}

}  // namespace

namespace {

// What a file has to be long enough for.
std::uint64_t data_end(const Extent& extent) { return extent.row.is_reserved() ? 0 : extent.end(); }

}  // namespace

Status make_file_of_extents(RowEdits& edits, InodeId id, std::uint32_t permissions) {
  meta::InodeRow row;
  row.mode = S_IFREG | permissions;
  row.links = 1;
  for (const Extent& extent : TRY(edits.extents(id))) {
    row.size = std::max(row.size, data_end(extent));
    row.stored_bytes += extent.row.length;
  }
  edits.put_inode(id, row);
  return {};
}

Status move_extents_to_file(RowEdits& edits, InodeId from, std::uint32_t permissions) {
  const std::vector<Extent> extents = TRY(edits.extents(from));
  meta::InodeRow row;
  row.mode = S_IFREG | permissions;
  row.links = 1;
  for (const Extent& extent : extents) {
    row.size = std::max(row.size, data_end(extent));
    row.stored_bytes += extent.row.length;
    edits.remove_extent({from, extent.offset});
  }
  const InodeId file = edits.make_inode(row);
  TRY_VOID(edits.put_extents(file, extents));
  if (meta::InodeRow* const emptied = TRY(edits.inode(from))) emptied->stored_bytes = 0;
  return connect(edits, file);
}

Status let_newer_bytes_hold(Check& check, RowEdits& edits, InodeId file) {
  std::vector<AgedExtent> aged;
  for (const Extent& extent : TRY(edits.extents(file))) {
    const auto sequence = sequence_of(check, extent.row.needle);
    if (!sequence.ok() || !*sequence) return {};
    aged.push_back({extent, **sequence});
  }
  return edits.put_extents(file, flattened(std::move(aged)));
}

std::vector<Extent> flattened(std::vector<AgedExtent> extents) {
  std::sort(extents.begin(), extents.end(), [](const AgedExtent& a, const AgedExtent& b) {
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.extent.offset > b.extent.offset;
  });
  std::map<std::uint64_t, Extent> file;
  for (const AgedExtent& next : extents) {
    std::vector<Extent> under;
    auto at = file.upper_bound(next.extent.offset);
    if (at != file.begin() && std::prev(at)->second.end() > next.extent.offset) --at;
    for (; at != file.end() && at->first < next.extent.end(); ++at) under.push_back(at->second);
    const meta::ExtentEdit edit = meta::replace_range(under, next.extent);
    for (const std::uint64_t offset : edit.removed) file.erase(offset);
    for (const Extent& added : edit.added) file.insert_or_assign(added.offset, added);
  }
  std::vector<Extent> flat;
  for (const auto& [offset, extent] : file) flat.push_back(extent);
  return flat;
}

}  // namespace ciaos::fsck
