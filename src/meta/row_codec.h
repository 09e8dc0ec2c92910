// One row in bytes, and what a row may hold at all. The log's records, the snapshots and the index's packed columns
// share this, so that a bound is checked in one place. Pure. Private to meta. Tabled in doc/format-records.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/log_position.h"
#include "meta/rows.h"

namespace ciaos::meta {

inline constexpr std::uint64_t kNumberMax =
    INT64_MAX;  // of ids, sizes, offsets, positions: off_t and SQLite agree
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kXattrNameBytesMax = 255;
inline constexpr std::size_t kXattrValueBytesMax = 65536;
inline constexpr std::size_t kContentBytesMax = 4095;  // PATH_MAX without its NUL
inline constexpr std::uint32_t kDeviceIndexMax = 254;

// What is wrong with a key or row, or nullptr. Encoders assert it, decoders turn it into EUCLEAN.
const char* fault_of(InodeId key);
const char* fault_of(const NameKey& key);
const char* fault_of(const ExtentKey& key);
const char* fault_of(const XattrKey& key);
const char* fault_of(VolumeId key);
inline const char* fault_of(std::uint32_t /*counter*/) { return nullptr; }
const char* fault_of(InodeId key, const InodeRow& row);
const char* fault_of(const NameKey& key, const NameRow& row);
const char* fault_of(const ExtentKey& key, const ExtentRow& row);
const char* fault_of(const XattrKey& key, const XattrRow& row);
const char* fault_of(VolumeId key, const VolumeRow& row);
inline const char* fault_of(std::uint32_t /*counter*/, const CounterRow& /*row*/) { return nullptr; }

// Reads varints that have to fit somewhere; after one that does not, ok() is false.
class BoundedReader {
 public:
  explicit BoundedReader(ByteReader& in) : in_(in) {}
  std::uint64_t number(std::uint64_t most) {
    const std::uint64_t value = in_.varint();
    if (value <= most) return value;
    bounded_ = false;
    return 0;
  }
  std::uint32_t number32() { return static_cast<std::uint32_t>(number(UINT32_MAX)); }
  bool ok() const { return bounded_ && in_.ok(); }

 private:
  ByteReader& in_;
  bool bounded_ = true;
};

// An inode's row without its key. Fields that hold what most rows hold take no bytes.
void write_inode_row(ByteWriter& out, const InodeRow& row);
// The fields behind `shape`, the leading varint, which the caller has read. False: cut short, or a number too large.
bool read_inode_row(ByteReader& in, std::uint64_t shape, InodeRow& row);
// All of `bytes` is one row, shape and all.
std::optional<InodeRow> unpack_inode_row(ByteSpan bytes);

// A TxnRef in 64 bytes.
inline constexpr std::size_t kTxnRefBytes = 64;
void write_txn_ref(ByteWriter& out, const TxnRef& ref);
TxnRef read_txn_ref(ByteReader& in);

}  // namespace ciaos::meta
