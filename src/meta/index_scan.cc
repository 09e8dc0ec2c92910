// IndexReader::scan(): every row of every table in the order of tables and keys.
#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "meta/index_reader.h"
#include "meta/row_codec.h"

namespace ciaos::meta {

namespace {

// A record costs about this much besides its text; what matters is that pieces come out near the size asked for.
constexpr std::size_t kInodeKeyBytes = 2;
constexpr std::size_t kNameBytes = 10;
constexpr std::size_t kExtentBytes = 20;
constexpr std::size_t kSmallRowBytes = 8;

// How much of a scan's budget is left; one row always fits, or a scan would not get on.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : rest_(std::max<std::size_t>(bytes, 1)) {}
  void spend(std::size_t bytes) { rest_ -= std::min(rest_, bytes); }
  bool spent() const { return rest_ == 0; }

 private:
  std::size_t rest_;
};

// Puts a row into `out` and remembers its key in `last`. Keys that do not rise are a damaged B-tree, and would make a
// scan go in circles.
template <typename Row>
Status take(TableChanges<Row>& out, TableChanges<Row>& last, typename Row::Key key, Row row) {
  if (!last.empty() && !(last.begin()->first < key)) return fail(EUCLEAN, "index: a table is out of order");
  last.clear();
  last.emplace(key, std::nullopt);
  out.emplace_hint(out.end(), std::move(key), std::move(row));
  return {};
}

// Each scan_*() goes on behind the last key until the table ends or the budget does.

Status scan_inodes(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  query.bind(1, last.inodes.empty() ? 0 : last.inodes.begin()->first.value());
  while (!budget.spent() && TRY(query.step())) {
    const InodeId id(query.number(0));
    budget.spend(kInodeKeyBytes + query.bytes(1).size());
    InodeRow row = TRY(inode_row_at(query, 1, id));
    TRY_VOID(take(out.inodes, last.inodes, id, std::move(row)));
  }
  return {};
}

Status scan_names(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  const NameKey from = last.names.empty() ? NameKey{} : last.names.begin()->first;
  query.bind(1, from.parent.value()).bind(2, from.name);
  while (!budget.spent() && TRY(query.step())) {
    NameKey key{InodeId(query.number(0)), std::string(query.text(1))};
    budget.spend(kNameBytes + key.name.size());
    const NameRow row = TRY(name_row_at(query, 2, key));
    TRY_VOID(take(out.names, last.names, std::move(key), row));
  }
  return {};
}

Status scan_extents(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  const ExtentKey from = last.extents.empty() ? ExtentKey{} : last.extents.begin()->first;
  query.bind(1, from.inode.value()).bind(2, from.offset);
  while (!budget.spent() && TRY(query.step())) {
    const ExtentKey key{InodeId(query.number(0)), query.number(1)};
    budget.spend(kExtentBytes);
    const ExtentRow row = TRY(extent_row_at(query, 2, key));
    TRY_VOID(take(out.extents, last.extents, key, row));
  }
  return {};
}

Status scan_xattrs(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  const XattrKey from = last.xattrs.empty() ? XattrKey{} : last.xattrs.begin()->first;
  query.bind(1, from.inode.value()).bind(2, from.name);
  while (!budget.spent() && TRY(query.step())) {
    XattrKey key{InodeId(query.number(0)), std::string(query.text(1))};
    XattrRow row{std::string(query.text(2))};
    budget.spend(kSmallRowBytes + key.name.size() + row.value.size());
    if (const char* fault = fault_of(key, row))
      return fail(EUCLEAN, std::string("index: row of xattrs: ") + fault);
    TRY_VOID(take(out.xattrs, last.xattrs, std::move(key), std::move(row)));
  }
  return {};
}

Status scan_volumes(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  query.bind(1, last.volumes.empty() ? 0 : last.volumes.begin()->first.value() + std::uint64_t{1});
  while (!budget.spent() && TRY(query.step())) {
    const VolumeId id(static_cast<std::uint32_t>(query.number(0)));
    budget.spend(kSmallRowBytes);
    const VolumeRow row = TRY(volume_row_at(query, 1, id));
    TRY_VOID(take(out.volumes, last.volumes, id, row));
  }
  return {};
}

Status scan_counters(Statement& query, Changes& last, Budget& budget, Changes& out) {
  const StatementScope scope(query);
  query.bind(1, last.counters.empty() ? 0 : last.counters.begin()->first + std::uint64_t{1});
  while (!budget.spent() && TRY(query.step())) {
    const auto key = static_cast<std::uint32_t>(query.number(0));
    budget.spend(kSmallRowBytes);
    TRY_VOID(take(out.counters, last.counters, key, CounterRow{query.number(1)}));
  }
  return {};
}

}  // namespace

Result<bool> IndexReader::scan(Cursor& cursor, std::size_t bytes, Changes& out) {
  CIAOS_ASSERT(state_->in_transaction);
  auto& tables = state_->scan;
  const std::pair<Status (*)(Statement&, Changes&, Budget&, Changes&), Statement*> steps[] = {
      {scan_inodes, &tables.inodes}, {scan_names, &tables.names},     {scan_extents, &tables.extents},
      {scan_xattrs, &tables.xattrs}, {scan_volumes, &tables.volumes}, {scan_counters, &tables.counters},
  };
  out = {};
  Budget budget(bytes);
  while (cursor.table < static_cast<int>(std::size(steps))) {
    const auto& [scan_table, query] = steps[cursor.table];
    TRY_VOID(scan_table(*query, cursor.last, budget, out));
    if (budget.spent()) return true;
    ++cursor.table;
    cursor.last = {};
  }
  return !out.empty();
}

}  // namespace ciaos::meta
