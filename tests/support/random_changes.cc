#include "support/random_changes.h"

#include <algorithm>
#include <string>

#include "meta/row_codec.h"

namespace ciaos::meta::test {

namespace {

// A number of any magnitude up to `most`, which itself comes often.
std::uint64_t up_to(Random& random, std::uint64_t most) {
  switch (random.below(8)) {
    case 0: return 0;
    case 1: return most;
    default: return std::min(most, random.next() >> random.below(64));
  }
}

std::uint32_t number32(Random& random) { return static_cast<std::uint32_t>(up_to(random, UINT32_MAX)); }

Timestamp random_time(Random& random) {
  Timestamp time;
  time.nanoseconds = static_cast<std::uint32_t>(up_to(random, 999'999'999));
  switch (random.below(6)) {
    case 0: time.seconds = INT64_MIN; break;
    case 1: time.seconds = INT64_MAX; break;
    case 2: time.seconds = -static_cast<std::int64_t>(up_to(random, INT64_MAX)); break;
    default: time.seconds = 1'700'000'000 + static_cast<std::int64_t>(random.below(100'000'000));
  }
  return time;
}

InodeId random_inode_id(Random& random) { return InodeId(1 + up_to(random, kNumberMax - 1)); }

VolumeId random_volume_id(Random& random) {
  return make_volume_id(static_cast<std::uint32_t>(up_to(random, kDeviceIndexMax)),
                        static_cast<std::uint32_t>(random.below(3)));
}

// Any bytes but those that `without` names.
std::string random_text(Random& random, std::size_t bytes, std::string_view without) {
  std::string text(bytes, 'a');
  for (char& c : text) {
    const char any = static_cast<char>(random.next());
    if (without.find(any) == std::string_view::npos) c = any;
  }
  return text;
}

std::string random_name_text(Random& random, std::string_view without) {
  std::string text = random_text(random, 1 + up_to(random, kNameBytesMax - 1), without);
  return text == "." || text == ".." ? "dot" : text;
}

}  // namespace

InodeRow random_inode(Random& random) {
  InodeRow row;
  row.mode = static_cast<std::uint32_t>(up_to(random, 0177777));
  row.uid = number32(random);
  row.gid = number32(random);
  row.links = random.below(2) ? 1 : number32(random);
  row.flags = number32(random);
  row.device = up_to(random, UINT64_MAX);
  row.size = up_to(random, kNumberMax);
  row.stored_bytes = random.below(2) ? row.size : up_to(random, kNumberMax);
  row.modified = random_time(random);
  row.accessed = random.below(2) ? row.modified : random_time(random);
  row.changed = random.below(2) ? row.modified : random_time(random);
  row.born = random.below(2) ? row.modified : random_time(random);
  row.change = up_to(random, UINT64_MAX);
  if (random.below(2)) {
    row.parent = InodeId(up_to(random, kNumberMax));
    row.entries = up_to(random, kNumberMax);
    row.next_position = up_to(random, kNumberMax);
  }
  if (random.below(4) == 0) row.quota_root = InodeId(up_to(random, kNumberMax));
  if (random.below(4) == 0) row.content = random_text(random, up_to(random, kContentBytesMax), "");
  return row;
}

NameKey random_name_key(Random& random) {
  return {random_inode_id(random), random_name_text(random, std::string_view("/\0", 2))};
}

NameRow random_name(Random& random) {
  NameRow row;
  row.child = random_inode_id(random);
  row.position = up_to(random, kNumberMax);
  row.type = static_cast<std::uint8_t>(random.below(16));
  return row;
}

std::pair<ExtentKey, ExtentRow> random_extent(Random& random) {
  ExtentRow row;
  row.needle.payload_bytes = std::max(1u, number32(random));
  row.payload_offset =
      random.below(2) ? 0 : static_cast<std::uint32_t>(random.below(row.needle.payload_bytes));
  const std::uint64_t room = row.needle.payload_bytes - row.payload_offset;
  row.length = random.below(2) ? room : 1 + random.below(room);
  row.needle.at.volume = random_volume_id(random);
  row.needle.at.generation = Generation(number32(random));
  row.needle.at.offset = up_to(random, kNumberMax);
  row.needle.header_crc = static_cast<std::uint32_t>(random.next());
  return {ExtentKey{random_inode_id(random), up_to(random, kNumberMax - row.length)}, row};
}

XattrKey random_xattr_key(Random& random) {
  return {random_inode_id(random), random_name_text(random, std::string_view("\0", 1))};
}

XattrRow random_xattr(Random& random) {
  return {random_text(random, up_to(random, kXattrValueBytesMax), "")};
}

VolumeRow random_volume(Random& random) {
  VolumeRow row;
  row.generation = Generation(number32(random));
  row.state = static_cast<VolumeState>(1 + random.below(3));
  row.last_txn = Sequence(up_to(random, UINT64_MAX));
  return row;
}

Changes random_changes(Random& random, std::size_t records) {
  Changes changes;
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < records; ++i) {
    const bool gone = random.below(4) == 0;
    const auto put = [&](auto& table, auto key, auto row) {
      if (gone)
        table[std::move(key)] = std::nullopt;
      else
        table[std::move(key)] = std::move(row);
    };
    switch (random.below(8)) {
      case 0:
      case 1: put(changes.inodes, random_inode_id(random), random_inode(random)); break;
      case 2:
      case 3: {
        NameRow row = random_name(random);
        row.position = ++position;
        put(changes.names, random_name_key(random), row);
        break;
      }
      case 4:
      case 5: {
        const auto [key, row] = random_extent(random);
        put(changes.extents, key, row);
        break;
      }
      case 6:
        if (random.below(20) == 0) put(changes.xattrs, random_xattr_key(random), random_xattr(random));
        break;
      default:
        put(changes.volumes, random_volume_id(random), random_volume(random));
        put(changes.counters, number32(random), CounterRow{up_to(random, UINT64_MAX)});
    }
  }
  return changes;
}

Changes random_rows(Random& random, std::size_t records) {
  Changes rows = random_changes(random, records);
  const auto drop = [](auto& table) {
    std::erase_if(table, [](const auto& change) { return !change.second; });
  };
  drop(rows.inodes);
  drop(rows.names);
  drop(rows.extents);
  drop(rows.xattrs);
  drop(rows.volumes);
  drop(rows.counters);
  return rows;
}

}  // namespace ciaos::meta::test
