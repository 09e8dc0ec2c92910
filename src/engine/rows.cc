#include "engine/rows.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "store/format.h"

namespace ciaos::engine {

using meta::Changes;
using meta::Extent;
using meta::ExtentKey;
using meta::ExtentRow;
using meta::InodeRow;
using meta::NameEntry;
using meta::NameKey;
using meta::NameRow;
using meta::VolumeRow;
using meta::XattrKey;
using meta::XattrRow;

class Rows::Lease {
 public:
  Lease(Rows& rows, meta::IndexReader reader) : rows_(&rows), reader_(std::move(reader)) {}
  Lease(Lease&& other) noexcept
      : rows_(std::exchange(other.rows_, nullptr)),
        reader_(std::move(other.reader_)),
        begun_ns_(other.begun_ns_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (rows_ == nullptr) return;
    rows_->index_reads_.fetch_add(1, std::memory_order_relaxed);
    rows_->index_read_ns_.fetch_add(monotonic_ns() - begun_ns_, std::memory_order_relaxed);
    MutexLock lock(rows_->pool_mutex_);
    rows_->pool_.push_back(std::move(reader_));
  }
  meta::IndexReader* operator->() { return &reader_; }

 private:
  Rows* rows_;
  meta::IndexReader reader_;
  const std::uint64_t begun_ns_ = monotonic_ns();
};

Rows::Rows(meta::Index& index, Sequence first_open)
    : index_(index), open_batch_(first_open), open_(std::make_shared<Changes>()) {}

Result<Rows::Lease> Rows::lease() {
  {
    MutexLock lock(pool_mutex_);
    if (!pool_.empty()) {
      meta::IndexReader reader = std::move(pool_.back());
      pool_.pop_back();
      return Lease(*this, std::move(reader));
    }
  }
  return Lease(*this, TRY(index_.reader()));
}

Result<std::optional<InodeRow>> Rows::inode(InodeId id) {
  {
    ReaderLock lock(mutex_);
    if (const auto found = inodes_.find(id); found != inodes_.end()) return found->second.row;
  }
  Lease reader = TRY(lease());
  return reader->inode(id);
}

Result<std::optional<NameRow>> Rows::name(InodeId parent, std::string_view name) {
  {
    ReaderLock lock(mutex_);
    const auto found = names_.find(NameKey{parent, std::string(name)});
    if (found != names_.end()) return found->second.row;
  }
  Lease reader = TRY(lease());
  return reader->name(parent, name);
}

Result<std::vector<NameEntry>> Rows::names(InodeId parent, std::uint64_t after, std::size_t limit) {
  // Every name of this directory that the overlay knows hides the index's row of that name.
  ReaderLock staying(leaving_);
  std::vector<NameEntry> fresh;
  {
    ReaderLock lock(mutex_);
    for (auto at = positions_.upper_bound({parent, after});
         at != positions_.end() && at->first.first == parent && fresh.size() < limit; ++at) {
      fresh.push_back({at->second, *names_.at(NameKey{parent, at->second}).row});
    }
  }
  Lease reader = TRY(lease());
  std::vector<NameEntry> merged;
  auto next_fresh = fresh.begin();
  std::uint64_t position = after;
  while (merged.size() < limit) {
    std::vector<NameEntry> applied = TRY(reader->names(parent, position, limit));
    const bool last = applied.size() < limit;
    {
      ReaderLock lock(mutex_);
      std::erase_if(applied, [&](const NameEntry& entry) REQUIRES_SHARED(mutex_) {
        position = std::max(position, entry.row.position);
        return names_.contains(NameKey{parent, entry.name});
      });
    }
    for (NameEntry& entry : applied) {
      while (next_fresh != fresh.end() && next_fresh->row.position <= entry.row.position) {
        if (next_fresh->name == entry.name) break;
        merged.push_back(std::move(*next_fresh++));
      }
      if (next_fresh != fresh.end() && next_fresh->name == entry.name) ++next_fresh;  // applied in between
      merged.push_back(std::move(entry));
    }
    if (last) break;
  }
  // Fresh names behind the index's: all of them only if the index had no more.
  if (merged.size() < limit) std::move(next_fresh, fresh.end(), std::back_inserter(merged));
  if (merged.size() > limit) merged.resize(limit);
  return merged;
}

// As names(), with less to do: overlay and index are in the same order, and a name has one place in it.
Result<std::vector<NameEntry>> Rows::names_from(InodeId parent, std::string_view from, std::size_t limit) {
  ReaderLock staying(leaving_);
  std::vector<NameEntry> merged;
  std::string next(from);
  while (merged.size() < limit) {
    const std::size_t wanted = limit - merged.size();
    std::vector<NameEntry> applied;
    {
      Lease reader = TRY(lease());
      applied = TRY(reader->names_from(parent, next, wanted));
    }
    const bool last = applied.size() < wanted;
    const std::string end = last ? std::string() : applied.back().name;
    std::map<std::string, std::optional<NameRow>> span;
    for (NameEntry& entry : applied) span.emplace(std::move(entry.name), entry.row);
    {
      ReaderLock lock(mutex_);
      std::size_t fresh = 0;
      for (auto at = names_.lower_bound(NameKey{parent, next});
           at != names_.end() && at->first.parent == parent && (last || at->first.name <= end); ++at) {
        span.insert_or_assign(at->first.name, at->second.row);
        if (at->second.row && ++fresh == wanted) break;
      }
    }
    for (auto& [name, row] : span) {
      if (row && merged.size() < limit) merged.push_back({name, *row});
    }
    if (last) break;
    next = end + '\0';
  }
  return merged;
}

Result<std::vector<Extent>> Rows::extents(InodeId inode, std::uint64_t begin, std::uint64_t end,
                                          std::size_t limit) {
  std::vector<std::pair<std::uint64_t, std::optional<ExtentRow>>> fresh;
  {
    ReaderLock lock(mutex_);
    // A row that begins before the range may reach into it, and no row is longer than a needle.
    const std::uint64_t from = begin - std::min<std::uint64_t>(begin, store::kDataPayloadBytesMax);
    auto at = extents_.lower_bound(ExtentKey{inode, from});
    for (; at != extents_.end() && at->first.inode == inode && at->first.offset < end; ++at) {
      fresh.emplace_back(at->first.offset, at->second.row);
    }
  }
  std::vector<Extent> applied;
  {
    Lease reader = TRY(lease());
    // Deleted rows of the overlay may hide some of these, so ask for as many more.
    applied = TRY(reader->extents(inode, begin, end, limit + fresh.size()));
  }
  std::vector<Extent> merged;
  auto next_fresh = fresh.begin();
  const auto take_fresh = [&](std::uint64_t up_to) {
    for (; next_fresh != fresh.end() && next_fresh->first < up_to; ++next_fresh) {
      if (!next_fresh->second.has_value()) continue;
      const Extent extent{next_fresh->first, *next_fresh->second};
      if (extent.end() > begin) merged.push_back(extent);
    }
  };
  for (const Extent& extent : applied) {
    take_fresh(extent.offset);
    if (next_fresh != fresh.end() && next_fresh->first == extent.offset) continue;  // hidden
    merged.push_back(extent);
  }
  take_fresh(std::numeric_limits<std::uint64_t>::max());
  if (merged.size() > limit) merged.resize(limit);
  return merged;
}

Result<std::optional<XattrRow>> Rows::xattr(InodeId inode, std::string_view name) {
  {
    ReaderLock lock(mutex_);
    const auto found = xattrs_.find(XattrKey{inode, std::string(name)});
    if (found != xattrs_.end()) return found->second.row;
  }
  Lease reader = TRY(lease());
  return reader->xattr(inode, name);
}

Result<std::vector<std::string>> Rows::xattr_names(InodeId inode) {
  std::map<std::string, bool> fresh;  // name, whether it is there
  {
    ReaderLock lock(mutex_);
    for (auto at = xattrs_.lower_bound(XattrKey{inode, {}}); at != xattrs_.end() && at->first.inode == inode;
         ++at) {
      fresh.emplace(at->first.name, at->second.row.has_value());
    }
  }
  Lease reader = TRY(lease());
  for (std::string& name : TRY(reader->xattr_names(inode))) fresh.emplace(std::move(name), true);
  std::vector<std::string> names;
  for (const auto& [name, present] : fresh) {
    if (present) names.push_back(name);
  }
  return names;
}

Result<std::vector<meta::VolumeUsage>> Rows::applied_volumes() {
  Lease reader = TRY(lease());
  return reader->volumes();
}

Sequence Rows::last_change(InodeId id) const {
  ReaderLock lock(mutex_);
  const auto found = inodes_.find(id);
  return found == inodes_.end() ? Sequence{} : found->second.batch;
}

template <typename Row>
void Rows::note(Layer<Row>& layer, meta::TableChanges<Row>& open, const typename Row::Key& key,
                std::optional<Row> row, std::size_t bytes) {
  layer[key] = Entry<Row>{open_batch_, row};
  if (open.insert_or_assign(key, std::move(row)).second) open_bytes_ += bytes;
}

void Rows::forget_position(const NameKey& key) {
  const auto found = names_.find(key);
  if (found == names_.end() || !found->second.row.has_value()) return;
  positions_.erase({key.parent, found->second.row->position});
}

void Rows::put(InodeId id, const InodeRow& row) {
  marks_.note(id);
  WriterLock lock(mutex_);
  note(inodes_, open_->inodes, id, {row}, meta::record_bytes(row));
}

void Rows::put(const NameKey& key, const NameRow& row) {
  marks_.note(key.name);
  WriterLock lock(mutex_);
  forget_position(key);
  positions_.insert_or_assign({key.parent, row.position}, key.name);
  note(names_, open_->names, key, {row}, meta::record_bytes(key));
}

void Rows::put(const ExtentKey& key, const ExtentRow& row) {
  marks_.note(key.inode);
  WriterLock lock(mutex_);
  note(extents_, open_->extents, key, {row}, meta::kExtentRecordBytes);
}

void Rows::put(const XattrKey& key, const XattrRow& row) {
  marks_.note(key.inode);
  WriterLock lock(mutex_);
  note(xattrs_, open_->xattrs, key, {row}, meta::record_bytes(key, row));
}

void Rows::put(VolumeId id, const VolumeRow& row) {
  WriterLock lock(mutex_);
  open_->volumes.insert_or_assign(id, row);
}

void Rows::put(meta::Counter counter, std::uint32_t offset, std::uint64_t value) {
  WriterLock lock(mutex_);
  open_->counters.insert_or_assign(static_cast<std::uint32_t>(counter) + offset, meta::CounterRow{value});
}

void Rows::erase(InodeId id) {
  marks_.note(id);
  WriterLock lock(mutex_);
  note<InodeRow>(inodes_, open_->inodes, id, std::nullopt, meta::kExtentRecordBytes);
}

void Rows::erase(const NameKey& key) {
  marks_.note(key.name);
  WriterLock lock(mutex_);
  forget_position(key);
  note<NameRow>(names_, open_->names, key, std::nullopt, meta::record_bytes(key));
}

void Rows::erase(const ExtentKey& key) {
  marks_.note(key.inode);
  WriterLock lock(mutex_);
  note<ExtentRow>(extents_, open_->extents, key, std::nullopt, meta::kExtentRecordBytes);
}

void Rows::erase(const XattrKey& key) {
  marks_.note(key.inode);
  WriterLock lock(mutex_);
  note<XattrRow>(xattrs_, open_->xattrs, key, std::nullopt, key.name.size() + meta::kExtentRecordBytes);
}

void Rows::erase(VolumeId id) {
  WriterLock lock(mutex_);
  open_->volumes.insert_or_assign(id, std::nullopt);
}

Sequence Rows::newest_change() const {
  ReaderLock lock(mutex_);
  return open_->empty() ? Sequence(open_batch_.value() - 1) : open_batch_;
}

std::shared_ptr<const Changes> Rows::cut() {
  WriterLock lock(mutex_);
  std::shared_ptr<const Changes> changes = std::exchange(open_, std::make_shared<Changes>());
  open_bytes_ = 0;
  open_batch_ = next(open_batch_);
  return changes;
}

template <typename Row>
void Rows::drop(Layer<Row>& layer, const meta::TableChanges<Row>& changes, Sequence applied) {
  for (const auto& [key, row] : changes) {
    const auto found = layer.find(key);
    if (found != layer.end() && found->second.batch <= applied) layer.erase(found);
  }
}

void Rows::applied(const Changes& changes, Sequence applied) {
  WriterLock leaving(leaving_);
  WriterLock lock(mutex_);
  for (const auto& [key, row] : changes.names) {
    const auto found = names_.find(key);
    if (found == names_.end() || found->second.batch > applied) continue;
    forget_position(key);
    names_.erase(found);
  }
  drop(inodes_, changes.inodes, applied);
  drop(extents_, changes.extents, applied);
  drop(xattrs_, changes.xattrs, applied);
}

}  // namespace ciaos::engine
