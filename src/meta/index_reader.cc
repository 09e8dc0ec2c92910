#include "meta/index_reader.h"

#include <algorithm>

#include "base/assert.h"
#include "meta/row_codec.h"

namespace ciaos::meta {

namespace {

Error damaged(const char* table, const char* fault) {
  return fail(EUCLEAN, std::string("index: row of ") + table + ": " + fault);
}

std::uint64_t clamped(std::uint64_t value) { return std::min(value, kNumberMax); }

Result<std::vector<NameEntry>> all_names(Statement& query, InodeId parent) {
  std::vector<NameEntry> entries;
  while (TRY(query.step())) {
    NameKey key{parent, std::string(query.text(0))};
    const NameRow row = TRY(name_row_at(query, 1, key));
    entries.push_back({std::move(key.name), row});
  }
  return entries;
}

Result<Extent> extent_at(const Statement& statement, InodeId inode) {
  Extent extent;
  extent.offset = statement.number(1);
  extent.row = TRY(extent_row_at(statement, 2, ExtentKey{inode, extent.offset}));
  return extent;
}

}  // namespace

Result<InodeRow> inode_row_at(const Statement& statement, int column, InodeId id) {
  std::optional<InodeRow> row = unpack_inode_row(statement.bytes(column));
  if (!row) return damaged("inodes", "does not decode");
  if (const char* fault = fault_of(id, *row)) return damaged("inodes", fault);
  return *std::move(row);
}

Result<NameRow> name_row_at(const Statement& statement, int column, const NameKey& key) {
  NameRow row;
  row.child = InodeId(statement.number(column));
  row.position = statement.number(column + 1);
  row.type = static_cast<std::uint8_t>(std::min<std::uint64_t>(statement.number(column + 2), UINT8_MAX));
  if (const char* fault = fault_of(key, row)) return damaged("names", fault);
  return row;
}

Result<ExtentRow> extent_row_at(const Statement& statement, int column, const ExtentKey& key) {
  ExtentRow row;
  row.length = statement.number(column);
  row.needle.at.volume = VolumeId(static_cast<std::uint32_t>(statement.number(column + 1)));
  row.needle.at.generation = Generation(static_cast<std::uint32_t>(statement.number(column + 2)));
  row.needle.at.offset = statement.number(column + 3);
  row.needle.payload_bytes = static_cast<std::uint32_t>(statement.number(column + 4));
  row.needle.header_crc = static_cast<std::uint32_t>(statement.number(column + 5));
  row.payload_offset = static_cast<std::uint32_t>(statement.number(column + 6));
  if (const char* fault = fault_of(key, row)) return damaged("extents", fault);
  return row;
}

Result<VolumeRow> volume_row_at(const Statement& statement, int column, VolumeId id) {
  VolumeRow row;
  row.generation = Generation(static_cast<std::uint32_t>(statement.number(column)));
  row.state = static_cast<VolumeState>(std::min<std::uint64_t>(statement.number(column + 1), UINT8_MAX));
  row.last_txn = Sequence(statement.number(column + 2));
  if (const char* fault = fault_of(id, row)) return damaged("volumes", fault);
  return row;
}

Result<std::optional<TxnRef>> applied_position(Statement& query) {
  const StatementScope scope(query);
  if (!TRY(query.step())) return std::optional<TxnRef>();
  ByteReader in(query.bytes(0));
  const TxnRef position = read_txn_ref(in);
  if (!in.ok() || !in.at_end()) return fail(EUCLEAN, "index: its applied position does not decode");
  return std::optional<TxnRef>(position);
}

Result<std::unique_ptr<IndexReader::State>> IndexReader::State::prepare(Connection opened) {
  auto state = std::make_unique<State>(std::move(opened));
  State& s = *state;
  Connection& c = s.connection;
  s.inode = TRY(c.prepare("SELECT row FROM inodes WHERE id=?"));
  s.name = TRY(c.prepare("SELECT child,position,type FROM names WHERE parent=? AND name=?"));
  s.names = TRY(c.prepare(queries::kNames));
  s.names_from = TRY(c.prepare(queries::kNamesFrom));
  s.extents = TRY(c.prepare(queries::kExtents));
  s.xattr = TRY(c.prepare("SELECT value FROM xattrs WHERE inode=? AND name=?"));
  s.xattr_names = TRY(c.prepare("SELECT name FROM xattrs WHERE inode=? ORDER BY name"));
  s.volumes =
      TRY(c.prepare("SELECT id,generation,state,last_txn,coalesce(extents,0),coalesce(bytes,0)"
                    " FROM volumes LEFT JOIN usage ON volume=id ORDER BY id"));
  s.reserved = TRY(c.prepare("SELECT bytes FROM usage WHERE volume=?"));
  s.counter = TRY(c.prepare("SELECT value FROM counters WHERE id=?"));
  s.orphans = TRY(c.prepare("SELECT id FROM orphans WHERE id>? ORDER BY id LIMIT ?"));
  s.having_xattr = TRY(c.prepare("SELECT inode FROM xattrs WHERE name=? AND inode>? ORDER BY inode LIMIT ?"));
  s.in_volume = TRY(c.prepare(queries::kInVolume));
  s.applied = TRY(c.prepare(kAppliedQuery));
  s.scan.inodes = TRY(c.prepare("SELECT id,row FROM inodes WHERE id>? ORDER BY id"));
  s.scan.names = TRY(c.prepare(queries::kScanNames));
  s.scan.extents = TRY(c.prepare(queries::kScanExtents));
  s.scan.xattrs = TRY(c.prepare(queries::kScanXattrs));
  s.scan.volumes = TRY(c.prepare("SELECT id,generation,state,last_txn FROM volumes WHERE id>=? ORDER BY id"));
  s.scan.counters = TRY(c.prepare("SELECT id,value FROM counters WHERE id>=? ORDER BY id"));
  return state;
}

IndexReader::IndexReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexReader::~IndexReader() = default;
IndexReader::IndexReader(IndexReader&&) noexcept = default;
IndexReader& IndexReader::operator=(IndexReader&&) noexcept = default;

Result<std::optional<InodeRow>> IndexReader::inode(InodeId id) {
  Statement& query = state_->inode;
  const StatementScope scope(query);
  if (!TRY(query.bind(1, id.value()).step())) return std::optional<InodeRow>();
  return std::optional<InodeRow>(TRY(inode_row_at(query, 0, id)));
}

Result<std::optional<NameRow>> IndexReader::name(InodeId parent, std::string_view name) {
  Statement& query = state_->name;
  const StatementScope scope(query);
  if (!TRY(query.bind(1, parent.value()).bind(2, name).step())) return std::optional<NameRow>();
  return std::optional<NameRow>(TRY(name_row_at(query, 0, NameKey{parent, std::string(name)})));
}

Result<std::vector<NameEntry>> IndexReader::names(InodeId parent, std::uint64_t after, std::size_t limit) {
  Statement& query = state_->names;
  const StatementScope scope(query);
  query.bind(1, parent.value()).bind(2, clamped(after)).bind(3, clamped(limit));
  return all_names(query, parent);
}

Result<std::vector<NameEntry>> IndexReader::names_from(InodeId parent, std::string_view from,
                                                       std::size_t limit) {
  Statement& query = state_->names_from;
  const StatementScope scope(query);
  query.bind(1, parent.value()).bind(2, from).bind(3, clamped(limit));
  return all_names(query, parent);
}

Result<std::vector<Extent>> IndexReader::extents(InodeId inode, std::uint64_t begin, std::uint64_t end,
                                                 std::size_t limit) {
  std::vector<Extent> overlapping;
  if (begin >= end) return overlapping;
  Statement& query = state_->extents;
  const StatementScope scope(query);
  query.bind(1, inode.value()).bind(2, clamped(begin)).bind(3, clamped(end));
  while (overlapping.size() < limit && TRY(query.step())) {
    Extent extent = TRY(extent_at(query, inode));
    if (extent.end() > begin) overlapping.push_back(extent);
  }
  return overlapping;
}

Result<std::optional<XattrRow>> IndexReader::xattr(InodeId inode, std::string_view name) {
  Statement& query = state_->xattr;
  const StatementScope scope(query);
  if (!TRY(query.bind(1, inode.value()).bind(2, name).step())) return std::optional<XattrRow>();
  return std::optional<XattrRow>(XattrRow{std::string(query.text(0))});
}

Result<std::vector<std::string>> IndexReader::xattr_names(InodeId inode) {
  std::vector<std::string> names;
  Statement& query = state_->xattr_names;
  const StatementScope scope(query);
  query.bind(1, inode.value());
  while (TRY(query.step())) names.emplace_back(query.text(0));
  return names;
}

Result<std::vector<VolumeUsage>> IndexReader::volumes() {
  std::vector<VolumeUsage> volumes;
  Statement& query = state_->volumes;
  const StatementScope scope(query);
  while (TRY(query.step())) {
    VolumeUsage usage;
    usage.volume = VolumeId(static_cast<std::uint32_t>(query.number(0)));
    usage.row = TRY(volume_row_at(query, 1, usage.volume));
    usage.extents = query.number(4);
    usage.bytes = query.number(5);
    volumes.push_back(usage);
  }
  return volumes;
}

Result<std::uint64_t> IndexReader::reserved_bytes() {
  Statement& query = state_->reserved;
  const StatementScope scope(query);
  if (!TRY(query.bind(1, kNoVolume.value()).step())) return std::uint64_t{0};
  return query.number(0);
}

Result<std::optional<std::uint64_t>> IndexReader::counter(std::uint32_t key) {
  Statement& query = state_->counter;
  const StatementScope scope(query);
  if (!TRY(query.bind(1, key).step())) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(query.number(0));
}

Result<std::vector<InodeId>> IndexReader::orphans(InodeId after, std::size_t limit) {
  std::vector<InodeId> orphans;
  Statement& query = state_->orphans;
  const StatementScope scope(query);
  query.bind(1, clamped(after.value())).bind(2, clamped(limit));
  while (TRY(query.step())) orphans.emplace_back(query.number(0));
  return orphans;
}

Result<std::vector<InodeId>> IndexReader::having_xattr(std::string_view name, InodeId after,
                                                       std::size_t limit) {
  std::vector<InodeId> inodes;
  Statement& query = state_->having_xattr;
  const StatementScope scope(query);
  query.bind(1, name).bind(2, after.value()).bind(3, limit);
  while (TRY(query.step())) inodes.emplace_back(query.number(0));
  return inodes;
}

Result<std::vector<std::pair<InodeId, Extent>>> IndexReader::extents_in_volume(VolumeId volume,
                                                                               std::uint64_t needle_offset,
                                                                               std::size_t limit) {
  std::vector<std::pair<InodeId, Extent>> rows;
  Statement& query = state_->in_volume;
  const StatementScope scope(query);
  query.bind(1, volume.value()).bind(2, clamped(needle_offset)).bind(3, clamped(limit));
  while (TRY(query.step())) {
    const InodeId inode(query.number(0));
    rows.emplace_back(inode, TRY(extent_at(query, inode)));
  }
  return rows;
}

Result<std::optional<TxnRef>> IndexReader::applied() { return applied_position(state_->applied); }

Status IndexReader::begin() {
  CIAOS_ASSERT(!state_->in_transaction);
  TRY_VOID(state_->connection.execute("BEGIN"));
  state_->in_transaction = true;
  // BEGIN alone takes no view yet; the first read does.
  const auto applied = this->applied();
  if (applied.ok()) return {};
  TRY_VOID(end());
  return applied.error();
}

Status IndexReader::end() {
  CIAOS_ASSERT(state_->in_transaction);
  state_->in_transaction = false;
  return state_->connection.execute("ROLLBACK");
}

}  // namespace ciaos::meta
