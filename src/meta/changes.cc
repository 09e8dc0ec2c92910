#include "meta/changes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "meta/row_codec.h"

namespace ciaos::meta {

namespace {

constexpr std::uint64_t kRecordVersion = 1;
// Says that there may be reserved extents. Only what has some is of this version, so that a store without them stays one
// that older programs read.
constexpr std::uint64_t kRecordVersionReserved = 2;
// In the same way: that there may be inodes of quota trees.
constexpr std::uint64_t kRecordVersionQuotas = 3;

// Keys that rise by themselves, as the distance to the least one that may come: order is a property of the format.
class RisingKey {
 public:
  void write(ByteWriter& out, std::uint64_t key) {
    CIAOS_ASSERT(key >= least_);
    out.varint(key - least_);
    least_ = key + 1;
  }
  bool read(ByteReader& in, std::uint64_t most, std::uint64_t& key) {
    const std::uint64_t distance = in.varint();
    if (!in.ok() || least_ > most || distance > most - least_) return false;
    key = least_ + distance;
    least_ = key + 1;
    return true;
  }
  void restart() { least_ = 0; }

 private:
  std::uint64_t least_ = 0;
};

// The first part of a key of two: may stay, and rises.
class Group {
 public:
  // True: another group than before.
  bool write(ByteWriter& out, InodeId id) {
    out.varint(id.value() - last_);
    return std::exchange(last_, id.value()) != id.value();
  }
  bool read(ByteReader& in, InodeId& id, bool& is_new) {
    const std::uint64_t distance = in.varint();
    if (!in.ok() || distance > kNumberMax - last_) return false;
    is_new = distance != 0;
    last_ += distance;
    id = InodeId(last_);
    return true;
  }

 private:
  std::uint64_t last_ = 0;
};

// Behind a name of the same group only a greater one may come.
bool read_rising_name(ByteReader& in, bool is_new, std::string& last, std::string& name) {
  name = as_text(in.counted_bytes());
  if (!in.ok() || (!is_new && name <= last)) return false;
  last = name;
  return true;
}

// A codec per table. write(): one record, `row` null for a deletion. read(): false for bytes that make no record;
// what the record holds is judged by fault_of.

class InodeCodec {
 public:
  static constexpr std::uint64_t table = 1;
  static constexpr const char* name = "inodes";
  void write(ByteWriter& out, InodeId key, const InodeRow* row) {
    key_.write(out, key.value());
    if (row != nullptr)
      write_inode_row(out, *row);
    else
      out.varint(0);
  }
  bool read(ByteReader& in, InodeId& key, std::optional<InodeRow>& row) {
    std::uint64_t id = 0;
    if (!key_.read(in, kNumberMax, id)) return false;
    key = InodeId(id);
    const std::uint64_t shape = in.varint();
    return shape == 0 ? in.ok() : read_inode_row(in, shape, row.emplace());
  }

 private:
  RisingKey key_;
};

class NameCodec {
 public:
  static constexpr std::uint64_t table = 2;
  static constexpr const char* name = "names";
  void write(ByteWriter& out, const NameKey& key, const NameRow* row) {
    parent_.write(out, key.parent);
    out.counted_bytes(as_bytes(key.name));
    out.varint(row != nullptr ? 1u + 2u * row->type : 0u);
    if (row == nullptr) return;
    out.varint(row->child.value());
    out.varint(row->position);
  }
  bool read(ByteReader& in, NameKey& key, std::optional<NameRow>& row) {
    bool is_new = false;
    if (!parent_.read(in, key.parent, is_new) || !read_rising_name(in, is_new, last_, key.name)) return false;
    BoundedReader numbers(in);
    const std::uint64_t shape = numbers.number(UINT8_MAX);
    if (shape == 0 || !numbers.ok()) return numbers.ok();
    if ((shape & 1) == 0) return false;
    row.emplace();
    row->type = static_cast<std::uint8_t>(shape >> 1);
    row->child = InodeId(in.varint());
    row->position = in.varint();
    return in.ok();
  }

 private:
  Group parent_;
  std::string last_;
};

class ExtentCodec {
 public:
  static constexpr std::uint64_t table = 3;
  static constexpr const char* name = "extents";
  void write(ByteWriter& out, const ExtentKey& key, const ExtentRow* row) {
    if (inode_.write(out, key.inode)) offset_.restart();
    offset_.write(out, key.offset);
    if (row == nullptr) return out.varint(0);
    if (row->is_reserved()) {
      out.varint(kPut | kReserved);
      return out.varint(row->length);
    }
    const NeedlePlace& needle = row->needle;
    const bool near =
        has_last_ && needle.at.volume == last_.volume && needle.at.generation == last_.generation;
    const bool whole = row->payload_offset == 0 && row->length == needle.payload_bytes;
    out.varint(kPut | (near ? kNear : 0) | (whole ? kWhole : 0));
    if (!near) {
      out.varint(needle.at.volume.value());
      out.varint(needle.at.generation.value());
    }
    // Both are at most INT64_MAX, so the distance does not overflow.
    const std::int64_t base = near ? static_cast<std::int64_t>(last_.offset) : 0;
    out.varint(zigzag(static_cast<std::int64_t>(needle.at.offset) - base));
    out.varint(needle.payload_bytes);
    out.number(needle.header_crc);
    if (!whole) {
      out.varint(row->payload_offset);
      out.varint(row->length);
    }
    last_ = needle.at;
    has_last_ = true;
  }
  bool read(ByteReader& in, ExtentKey& key, std::optional<ExtentRow>& row) {
    bool is_new = false;
    if (!inode_.read(in, key.inode, is_new)) return false;
    if (is_new) offset_.restart();
    if (!offset_.read(in, kNumberMax, key.offset)) return false;
    BoundedReader numbers(in);
    const std::uint64_t shape = numbers.number(kPut | kNear | kWhole | kReserved);
    if (shape == 0 || !numbers.ok()) return numbers.ok();
    if ((shape & kReserved) != 0) {
      row = ExtentRow::reservation(in.varint());
      return shape == (kPut | kReserved) && in.ok();
    }
    const bool near = (shape & kNear) != 0;
    if ((shape & kPut) == 0 || (near && !has_last_)) return false;
    NeedlePlace& needle = row.emplace().needle;
    needle.at.volume = near ? last_.volume : VolumeId(numbers.number32());
    needle.at.generation = near ? last_.generation : Generation(numbers.number32());
    const std::uint64_t base = near ? last_.offset : 0;
    needle.at.offset = base + static_cast<std::uint64_t>(unzigzag(in.varint()));
    needle.payload_bytes = numbers.number32();
    needle.header_crc = in.number<std::uint32_t>();
    row->payload_offset = (shape & kWhole) ? 0 : numbers.number32();
    row->length = (shape & kWhole) ? needle.payload_bytes : in.varint();
    last_ = needle.at;
    has_last_ = true;
    return numbers.ok();
  }

 private:
  static constexpr std::uint64_t kPut = 1;
  static constexpr std::uint64_t kNear = 2;      // in the volume and generation of the record before
  static constexpr std::uint64_t kWhole = 4;     // all of the needle's payload
  static constexpr std::uint64_t kReserved = 8;  // no needle
  Group inode_;
  RisingKey offset_;
  VolumePosition last_;
  bool has_last_ = false;
};

class XattrCodec {
 public:
  static constexpr std::uint64_t table = 4;
  static constexpr const char* name = "xattrs";
  void write(ByteWriter& out, const XattrKey& key, const XattrRow* row) {
    inode_.write(out, key.inode);
    out.counted_bytes(as_bytes(key.name));
    out.varint(row != nullptr ? 1 : 0);
    if (row != nullptr) out.counted_bytes(as_bytes(row->value));
  }
  bool read(ByteReader& in, XattrKey& key, std::optional<XattrRow>& row) {
    bool is_new = false;
    if (!inode_.read(in, key.inode, is_new) || !read_rising_name(in, is_new, last_, key.name)) return false;
    BoundedReader numbers(in);
    const bool put = numbers.number(1) == 1;
    if (!put || !numbers.ok()) return numbers.ok();
    row.emplace().value = as_text(in.counted_bytes());
    return in.ok();
  }

 private:
  Group inode_;
  std::string last_;
};

class VolumeCodec {
 public:
  static constexpr std::uint64_t table = 5;
  static constexpr const char* name = "volumes";
  void write(ByteWriter& out, VolumeId key, const VolumeRow* row) {
    key_.write(out, key.value());
    out.varint(row != nullptr ? static_cast<std::uint64_t>(row->state) : 0);
    if (row == nullptr) return;
    out.varint(row->generation.value());
    out.varint(row->last_txn.value());
  }
  bool read(ByteReader& in, VolumeId& key, std::optional<VolumeRow>& row) {
    std::uint64_t id = 0;
    if (!key_.read(in, UINT32_MAX, id)) return false;
    key = VolumeId(static_cast<std::uint32_t>(id));
    BoundedReader numbers(in);
    const std::uint64_t state = numbers.number(UINT8_MAX);
    if (state == 0 || !numbers.ok()) return numbers.ok();
    row.emplace().state = static_cast<VolumeState>(state);
    row->generation = Generation(numbers.number32());
    row->last_txn = Sequence(in.varint());
    return numbers.ok();
  }

 private:
  RisingKey key_;
};

class CounterCodec {
 public:
  static constexpr std::uint64_t table = 6;
  static constexpr const char* name = "counters";
  void write(ByteWriter& out, std::uint32_t key, const CounterRow* row) {
    key_.write(out, key);
    out.varint(row != nullptr ? 1 : 0);
    if (row != nullptr) out.varint(row->value);
  }
  bool read(ByteReader& in, std::uint32_t& key, std::optional<CounterRow>& row) {
    std::uint64_t id = 0;
    if (!key_.read(in, UINT32_MAX, id)) return false;
    key = static_cast<std::uint32_t>(id);
    BoundedReader numbers(in);
    const bool put = numbers.number(1) == 1;
    if (!put || !numbers.ok()) return numbers.ok();
    row.emplace().value = in.varint();
    return in.ok();
  }

 private:
  RisingKey key_;
};
constexpr std::uint64_t kTableLast = CounterCodec::table;

template <typename Codec, typename Row>
void write_table(ByteWriter& out, const TableChanges<Row>& changes) {
  if (changes.empty()) return;
  out.varint(Codec::table);
  out.varint(changes.size());
  Codec codec;
  for (const auto& [key, row] : changes) {
    CIAOS_ASSERT((row ? fault_of(key, *row) : fault_of(key)) == nullptr);
    codec.write(out, key, row ? &*row : nullptr);
  }
}

template <typename Codec, typename Row>
Status read_table(ByteReader& in, std::uint64_t count, TableChanges<Row>& changes) {
  Codec codec;
  for (std::uint64_t i = 0; i < count; ++i) {
    typename Row::Key key{};
    std::optional<Row> row;
    const char* fault = codec.read(in, key, row) ? nullptr : "cut short, out of range or out of order";
    if (fault == nullptr) fault = row ? fault_of(key, *row) : fault_of(key);
    if (fault != nullptr) {
      return fail(EUCLEAN, "record " + std::to_string(i) + " of " + Codec::name + ": " + fault);
    }
    changes.emplace_hint(changes.end(), std::move(key), std::move(row));
  }
  return {};
}

Status read_table(ByteReader& in, std::uint64_t table, std::uint64_t count, Changes& changes) {
  switch (table) {
    case InodeCodec::table: return read_table<InodeCodec>(in, count, changes.inodes);
    case NameCodec::table: return read_table<NameCodec>(in, count, changes.names);
    case ExtentCodec::table: return read_table<ExtentCodec>(in, count, changes.extents);
    case XattrCodec::table: return read_table<XattrCodec>(in, count, changes.xattrs);
    case VolumeCodec::table: return read_table<VolumeCodec>(in, count, changes.volumes);
    default: return read_table<CounterCodec>(in, count, changes.counters);
  }
}

}  // namespace

namespace {

std::uint64_t version_of(const Changes& changes) {
  const bool in_trees = std::any_of(changes.inodes.begin(), changes.inodes.end(), [](const auto& change) {
    return change.second && change.second->quota_root != InodeId();
  });
  if (in_trees) return kRecordVersionQuotas;
  const bool reserves = std::any_of(changes.extents.begin(), changes.extents.end(), [](const auto& change) {
    return change.second && change.second->is_reserved();
  });
  return reserves ? kRecordVersionReserved : kRecordVersion;
}

}  // namespace

bool Changes::empty() const { return count() == 0; }

std::size_t Changes::count() const {
  return inodes.size() + names.size() + extents.size() + xattrs.size() + volumes.size() + counters.size();
}

ByteVector encode_changes(const Changes& changes) {
  CIAOS_ASSERT(changes.count() <= kRecordsMax);
  ByteWriter out;
  out.varint(version_of(changes));
  write_table<InodeCodec>(out, changes.inodes);
  write_table<NameCodec>(out, changes.names);
  write_table<ExtentCodec>(out, changes.extents);
  write_table<XattrCodec>(out, changes.xattrs);
  write_table<VolumeCodec>(out, changes.volumes);
  write_table<CounterCodec>(out, changes.counters);
  return out.take();
}

Result<Changes> decode_changes(ByteSpan bytes) {
  ByteReader in(bytes);
  const std::uint64_t version = in.varint();
  if (!in.ok() || version == 0) return fail(EUCLEAN, "records without a version");
  if (version > kRecordVersionQuotas) return fail(ENOTSUP, "records of version " + std::to_string(version));
  Changes changes;
  std::uint64_t last_table = 0;
  std::size_t records = 0;
  while (!in.at_end()) {
    const std::uint64_t table = in.varint();
    const std::uint64_t count = in.varint();
    if (!in.ok()) return fail(EUCLEAN, "head of a table of records cut short");
    if (table > kTableLast) return fail(ENOTSUP, "records of an unknown table " + std::to_string(table));
    if (table <= last_table) return fail(EUCLEAN, "tables of records out of order");
    // No record is shorter than two bytes.
    if (count == 0 || count > in.remaining() / 2 || count > kRecordsMax - records) {
      return fail(EUCLEAN, "impossible number of records: " + std::to_string(count));
    }
    TRY_VOID(read_table(in, table, count, changes));
    last_table = table;
    records += static_cast<std::size_t>(count);
  }
  if (version < version_of(changes)) return fail(EUCLEAN, "records of a higher version than they say");
  return changes;
}

// The constants are sums over the fields of the longest varint that a field's bound allows; three bytes more pay for
// the record's share of version, table and count, so that the sum over all records bounds encode_changes().
std::size_t record_bytes(const InodeRow& row) { return 3 + 172 + row.content.size(); }
std::size_t record_bytes(const NameKey& key) { return 3 + 30 + key.name.size(); }
std::size_t record_bytes(const XattrKey& key, const XattrRow& row) {
  return 3 + 15 + key.name.size() + row.value.size();
}

}  // namespace ciaos::meta
