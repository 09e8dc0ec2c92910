#include "tools/fsck/needle_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/needle_scanner.h"

namespace ciaos::fsck {
namespace {

// Larger than any header of a data needle with its CRC table.
constexpr std::uint64_t kWindowBytes = 64 * 1024;
static_assert(store::needle_header_bytes(store::kDataPayloadBytesMax) + 2 * store::kBlockBytes <=
              kWindowBytes);

}  // namespace

NeedleCheck::NeedleCheck(Check& check, const meta::VolumeUsage& usage)
    : check_(check), usage_(usage), device_(check.volumes->volume(usage.volume)), window_(kWindowBytes) {}

Status NeedleCheck::check(const Rows& rows) {
  extents_ += rows.size();
  for (const auto& [inode, extent] : rows) bytes_ += extent.row.length;
  ++check_.totals.needles;

  // Rows that disagree about the needle at one offset cannot all be right: each is held against what is there.
  Rows same;
  std::vector<Rows> needles;
  for (const auto& row : rows) {
    const auto of_needle = std::find_if(needles.begin(), needles.end(), [&row](const Rows& other) {
      return other.front().second.row.needle == row.second.row.needle;
    });
    if (of_needle == needles.end()) {
      needles.push_back({row});
    } else {
      of_needle->push_back(row);
    }
  }
  for (const Rows& of_needle : needles) {
    const NeedlePlace& place = of_needle.front().second.row.needle;
    if (place.at.generation != usage_.row.generation) {
      tell(of_needle, place, Problem::volume_missing, fail(ENOENT));
      continue;
    }
    const auto header = read_header(place);
    if (!header.ok()) {
      const Problem problem = header.code() == ENOENT    ? Problem::volume_missing
                              : header.code() == ERANGE  ? Problem::needle_bounds
                              : header.code() == EUCLEAN ? Problem::needle_missing
                                                         : Problem::needle_unreadable;
      tell(of_needle, place, problem, header.error());
    } else if (header->header_crc != place.header_crc || header->payload_bytes != place.payload_bytes ||
               header->kind != store::NeedleKind::data) {
      tell(of_needle, place, Problem::needle_other, fail(EUCLEAN));
    } else if (check_.options.check_data) {
      verify_payload(*header, of_needle);
    }
  }
  return {};
}

Result<store::NeedleHeader> NeedleCheck::read_header(const NeedlePlace& place) {
  if (!device_.ok()) return device_.error();
  const std::uint64_t offset = place.at.offset;
  const std::uint64_t header_bytes = store::needle_header_bytes(place.payload_bytes);
  if (place.payload_bytes == 0 || place.payload_bytes > store::kDataPayloadBytesMax ||
      offset % store::kNeedleAlignment != 0 || offset > (*device_)->size() ||
      store::needle_end(offset, place.payload_bytes) > (*device_)->size()) {
    return fail(ERANGE);
  }
  if (offset < window_begin_ || offset + header_bytes > window_begin_ + window_bytes_)
    TRY_VOID(fill_window(offset));
  const ByteSpan bytes = window_.span();
  auto header = store::decode_needle_header(
      check_.superblock.uuid, place.at,
      bytes.subspan(offset - window_begin_, window_bytes_ - (offset - window_begin_)));
  const int code = header.code();
  // Another length in a header that is there means another needle or damage; either way this one is not there.
  if (code == ENODATA) return fail(EUCLEAN, "there is no needle");
  if (code == EMSGSIZE) return fail(EUCLEAN, "its header is longer than it could be");
  return header;
}

Status NeedleCheck::fill_window(std::uint64_t offset) {
  window_bytes_ = 0;
  const std::uint64_t begin = align_down(offset, store::kBlockBytes);
  const std::uint64_t bytes = std::min(kWindowBytes, (*device_)->size() - begin);
  TRY_VOID((*device_)->read(begin, window_.span().subspan(0, bytes)));
  window_begin_ = begin;
  window_bytes_ = bytes;
  return {};
}

// Of small needles the window that showed the header shows the payload, too.
Status NeedleCheck::check_payload(const store::NeedleHeader& header) {
  const std::uint64_t begin = store::payload_position(header.at.offset, header.payload_bytes);
  if (begin >= window_begin_ && header.end() <= window_begin_ + window_bytes_) {
    const ByteSpan bytes = window_.span();
    return store::verify_payload(check_.superblock.uuid, header, 0,
                                 bytes.subspan(begin - window_begin_, header.payload_bytes));
  }
  return store::check_payload(**device_, check_.superblock.uuid, header);
}

void NeedleCheck::verify_payload(const store::NeedleHeader& header, const Rows& rows) {
  const Status verified = check_payload(header);
  if (verified.ok()) {
    check_.totals.verified_bytes += header.payload_bytes;
  } else {
    tell(rows, header.place(),
         verified.code() == EUCLEAN ? Problem::payload_damaged : Problem::payload_unreadable,
         verified.error());
  }
}

void NeedleCheck::tell(const Rows& rows, const NeedlePlace& place, Problem problem, const Error& why) {
  for (const auto& [inode, extent] : rows) {
    check_.report.add({.problem = problem,
                       .inode = inode,
                       .volume = place.at.volume,
                       .offset = place.at.offset,
                       .found = extent.offset,
                       .expected = place.at.generation.value(),
                       .what = to_string(why)});
  }
}

void NeedleCheck::check_usage() {
  if (extents_ != usage_.extents) {
    check_.report.add({.problem = Problem::usage_wrong,
                       .volume = usage_.volume,
                       .found = usage_.extents,
                       .expected = extents_,
                       .what = "extents"});
  }
  if (bytes_ != usage_.bytes) {
    check_.report.add({.problem = Problem::usage_wrong,
                       .volume = usage_.volume,
                       .found = usage_.bytes,
                       .expected = bytes_,
                       .what = "bytes"});
  }
}

}  // namespace ciaos::fsck
