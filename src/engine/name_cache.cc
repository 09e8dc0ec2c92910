#include "engine/name_cache.h"

namespace ciaos::engine {

NameCache::Found NameCache::find(InodeId parent, std::string_view name) {
  MutexLock lock(mutex_);
  const auto found = table_.find(Key{parent, name});
  if (found == table_.end()) return {.known = whole_.contains(parent), .row = std::nullopt};
  entries_.splice(entries_.end(), entries_, found->second);
  return {true, found->second->row};
}

void NameCache::begin(InodeId directory) {
  MutexLock lock(mutex_);
  if (whole_.insert(directory).second) bytes_ += kWholeBytes;
}

void NameCache::forget_whole(InodeId directory) {
  if (whole_.erase(directory) > 0) bytes_ -= kWholeBytes;
}

void NameCache::drop_oldest() {
  const Entry& oldest = entries_.front();
  if (oldest.row) {
    forget_whole(oldest.parent);
    forget_whole(oldest.row->child);
  }
  bytes_ -= cost(oldest);
  table_.erase(Key{oldest.parent, oldest.name});
  entries_.pop_front();
}

void NameCache::remember(InodeId parent, std::string_view name, const std::optional<meta::NameRow>& row) {
  MutexLock lock(mutex_);
  const auto found = table_.find(Key{parent, name});
  if (found != table_.end()) {
    // When a directory's name goes, so does what is known of the directory.
    if (found->second->row && found->second->row != row) forget_whole(found->second->row->child);
    found->second->row = row;
    entries_.splice(entries_.end(), entries_, found->second);
    return;
  }
  const auto entry = entries_.insert(entries_.end(), Entry{parent, std::string(name), row});
  table_.emplace(Key{parent, entry->name}, entry);
  bytes_ += cost(*entry);
  while (bytes_ > bytes_max_ && !entries_.empty()) drop_oldest();
}

void NameCache::clear() {
  MutexLock lock(mutex_);
  table_.clear();
  entries_.clear();
  whole_.clear();
  bytes_ = 0;
}

std::uint64_t NameCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace ciaos::engine
