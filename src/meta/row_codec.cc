#include "meta/row_codec.h"

#include <string_view>

#include "base/assert.h"

namespace ciaos::meta {

namespace {

constexpr std::uint32_t kNanosecondsMax = 999'999'999;
constexpr std::uint32_t kModeMax = 0177777;
constexpr std::uint8_t kTypeMax = 15;  // DT_WHT is 14

// Bits of an inode's shape: which fields follow. Bit 0 tells a row from a deletion, whose shape is 0.
enum Shape : std::uint64_t {
  kPut = 1u << 0,
  kOwner = 1u << 1,     // uid and gid are not both 0
  kLinks = 1u << 2,     // links is not 1
  kFlags = 1u << 3,     // flags is not 0
  kDevice = 1u << 4,    // device is not 0
  kStored = 1u << 5,    // stored_bytes is not size
  kAccessed = 1u << 6,  // not the time of modification; so are the next two
  kChanged = 1u << 7,
  kBorn = 1u << 8,
  kChange = 1u << 9,      // change is not 0
  kDirectory = 1u << 10,  // parent, entries and next_position are not all 0
  kContent = 1u << 11,    // content is not empty
  kQuota = 1u << 12,      // quota_root is not 0
  kShapeEnd = 1u << 13,
};

std::uint64_t shape_of(const InodeRow& row) {
  std::uint64_t shape = kPut;
  if (row.uid != 0 || row.gid != 0) shape |= kOwner;
  if (row.links != 1) shape |= kLinks;
  if (row.flags != 0) shape |= kFlags;
  if (row.device != 0) shape |= kDevice;
  if (row.stored_bytes != row.size) shape |= kStored;
  if (row.accessed != row.modified) shape |= kAccessed;
  if (row.changed != row.modified) shape |= kChanged;
  if (row.born != row.modified) shape |= kBorn;
  if (row.change != 0) shape |= kChange;
  if (row.parent.value() != 0 || row.entries != 0 || row.next_position != 0) shape |= kDirectory;
  if (!row.content.empty()) shape |= kContent;
  if (row.quota_root != InodeId()) shape |= kQuota;
  return shape;
}

// Seconds as the distance to `base`, modulo 2^64: exact for every pair of times, and short for times that are close.
void write_time(ByteWriter& out, const Timestamp& time, std::int64_t base) {
  const std::uint64_t distance = static_cast<std::uint64_t>(time.seconds) - static_cast<std::uint64_t>(base);
  out.varint(zigzag(static_cast<std::int64_t>(distance)));
  out.varint(time.nanoseconds);
}

Timestamp read_time(ByteReader& in, BoundedReader& numbers, std::int64_t base) {
  const std::uint64_t distance = static_cast<std::uint64_t>(unzigzag(in.varint()));
  Timestamp time;
  time.seconds = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + distance);
  time.nanoseconds = static_cast<std::uint32_t>(numbers.number(kNanosecondsMax));
  return time;
}

void write_position(ByteWriter& out, const VolumePosition& position) {
  out.number(position.volume.value());
  out.number(position.generation.value());
  out.number(position.offset);
}

VolumePosition read_position(ByteReader& in) {
  VolumePosition position;
  position.volume = VolumeId(in.number<std::uint32_t>());
  position.generation = Generation(in.number<std::uint32_t>());
  position.offset = in.number<std::uint64_t>();
  return position;
}

}  // namespace

const char* fault_of(InodeId key) {
  if (key.value() == 0) return "inode 0";
  if (key.value() > kNumberMax) return "inode number out of range";
  return nullptr;
}

const char* fault_of(const NameKey& key) {
  if (const char* fault = fault_of(key.parent)) return fault;
  if (key.name.empty()) return "empty name";
  if (key.name.size() > kNameBytesMax) return "name too long";
  if (key.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
    return "name with a slash or NUL";
  if (key.name == "." || key.name == "..") return "name is dot or dot-dot";
  return nullptr;
}

const char* fault_of(const ExtentKey& key) {
  if (key.offset >= kNumberMax) return "extent offset out of range";
  return fault_of(key.inode);
}

const char* fault_of(const XattrKey& key) {
  if (const char* fault = fault_of(key.inode)) return fault;
  if (key.name.empty()) return "empty attribute name";
  if (key.name.size() > kXattrNameBytesMax) return "attribute name too long";
  if (key.name.find('\0') != std::string::npos) return "attribute name with a NUL";
  return nullptr;
}

const char* fault_of(VolumeId key) {
  return device_of(key) > kDeviceIndexMax ? "device index out of range" : nullptr;
}

const char* fault_of(InodeId key, const InodeRow& row) {
  if (const char* fault = fault_of(key)) return fault;
  if (row.mode > kModeMax) return "mode out of range";
  if (row.size > kNumberMax || row.stored_bytes > kNumberMax) return "size out of range";
  for (const Timestamp& time : {row.accessed, row.modified, row.changed, row.born}) {
    if (time.nanoseconds > kNanosecondsMax) return "nanoseconds out of range";
  }
  if (row.parent.value() > kNumberMax) return "parent out of range";
  if (row.entries > kNumberMax || row.next_position > kNumberMax) return "directory numbers out of range";
  if (row.content.size() > kContentBytesMax) return "content too long";
  if (row.quota_root.value() > kNumberMax) return "quota out of range";
  return nullptr;
}

const char* fault_of(const NameKey& key, const NameRow& row) {
  if (const char* fault = fault_of(key)) return fault;
  if (row.position > kNumberMax) return "position out of range";
  if (row.type > kTypeMax) return "file type out of range";
  return fault_of(row.child);
}

const char* fault_of(const ExtentKey& key, const ExtentRow& row) {
  if (const char* fault = fault_of(key)) return fault;
  if (row.length == 0) return "extent without length";
  if (row.length > kNumberMax - key.offset) return "extent past the largest file";
  if (row.is_reserved()) {
    if (row.length > kReservedExtentBytesMax) return "reserved extent too long";
    return row == ExtentRow::reservation(row.length) ? nullptr : "reserved extent with a needle";
  }
  if (row.payload_offset > row.needle.payload_bytes ||
      row.length > row.needle.payload_bytes - row.payload_offset) {
    return "extent past its needle's payload";
  }
  if (row.needle.at.offset > kNumberMax) return "needle offset out of range";
  return fault_of(row.needle.at.volume);
}

const char* fault_of(const XattrKey& key, const XattrRow& row) {
  if (row.value.size() > kXattrValueBytesMax) return "attribute value too long";
  return fault_of(key);
}

const char* fault_of(VolumeId key, const VolumeRow& row) {
  const auto state = static_cast<std::uint8_t>(row.state);
  if (state < static_cast<std::uint8_t>(VolumeState::open) ||
      state > static_cast<std::uint8_t>(VolumeState::free)) {
    return "volume state unknown";
  }
  return fault_of(key);
}

void write_inode_row(ByteWriter& out, const InodeRow& row) {
  const std::uint64_t shape = shape_of(row);
  out.varint(shape);
  out.varint(row.mode);
  out.varint(row.size);
  write_time(out, row.modified, 0);
  if (shape & kOwner) {
    out.varint(row.uid);
    out.varint(row.gid);
  }
  if (shape & kLinks) out.varint(row.links);
  if (shape & kFlags) out.varint(row.flags);
  if (shape & kDevice) out.varint(row.device);
  if (shape & kStored) out.varint(row.stored_bytes);
  if (shape & kAccessed) write_time(out, row.accessed, row.modified.seconds);
  if (shape & kChanged) write_time(out, row.changed, row.modified.seconds);
  if (shape & kBorn) write_time(out, row.born, row.modified.seconds);
  if (shape & kChange) out.varint(row.change);
  if (shape & kDirectory) {
    out.varint(row.parent.value());
    out.varint(row.entries);
    out.varint(row.next_position);
  }
  if (shape & kContent) out.counted_bytes(as_bytes(row.content));
  if (shape & kQuota) out.varint(row.quota_root.value());
}

bool read_inode_row(ByteReader& in, std::uint64_t shape, InodeRow& row) {
  if ((shape & kPut) == 0 || shape >= kShapeEnd) return false;
  BoundedReader numbers(in);
  row.mode = numbers.number32();
  row.size = numbers.number(kNumberMax);
  row.modified = read_time(in, numbers, 0);
  if (shape & kOwner) {
    row.uid = numbers.number32();
    row.gid = numbers.number32();
  }
  row.links = (shape & kLinks) ? numbers.number32() : 1;
  if (shape & kFlags) row.flags = numbers.number32();
  if (shape & kDevice) row.device = in.varint();
  row.stored_bytes = (shape & kStored) ? in.varint() : row.size;
  row.accessed = (shape & kAccessed) ? read_time(in, numbers, row.modified.seconds) : row.modified;
  row.changed = (shape & kChanged) ? read_time(in, numbers, row.modified.seconds) : row.modified;
  row.born = (shape & kBorn) ? read_time(in, numbers, row.modified.seconds) : row.modified;
  if (shape & kChange) row.change = in.varint();
  if (shape & kDirectory) {
    row.parent = InodeId(in.varint());
    row.entries = in.varint();
    row.next_position = in.varint();
  }
  if (shape & kContent) row.content = as_text(in.counted_bytes());
  if (shape & kQuota) row.quota_root = InodeId(numbers.number(kNumberMax));
  return numbers.ok();
}

std::optional<InodeRow> unpack_inode_row(ByteSpan bytes) {
  ByteReader in(bytes);
  InodeRow row;
  if (!read_inode_row(in, in.varint(), row) || !in.at_end()) return std::nullopt;
  return row;
}

void write_txn_ref(ByteWriter& out, const TxnRef& ref) {
  out.number(ref.sequence.value());
  out.number(ref.epoch.value());
  out.number(ref.digest.low);
  out.number(ref.digest.high);
  write_position(out, ref.at);
  write_position(out, ref.resume);
}

TxnRef read_txn_ref(ByteReader& in) {
  TxnRef ref;
  ref.sequence = Sequence(in.number<std::uint64_t>());
  ref.epoch = Epoch(in.number<std::uint64_t>());
  ref.digest.low = in.number<std::uint64_t>();
  ref.digest.high = in.number<std::uint64_t>();
  ref.at = read_position(in);
  ref.resume = read_position(in);
  return ref;
}

}  // namespace ciaos::meta
