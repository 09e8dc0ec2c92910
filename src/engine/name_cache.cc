#include "engine/name_cache.h"

namespace ciaos::engine {

NameCache::Found NameCache::find(InodeId parent, std::string_view name) {
  MutexLock lock(mutex_);
  const auto found = table_.find(Key{parent, name});
  if (found == table_.end()) return {};
  entries_.splice(entries_.end(), entries_, found->second);
  return {true, found->second->row};
}

void NameCache::remember(InodeId parent, std::string_view name, const std::optional<meta::NameRow>& row) {
  MutexLock lock(mutex_);
  const auto found = table_.find(Key{parent, name});
  if (found != table_.end()) {
    found->second->row = row;
    entries_.splice(entries_.end(), entries_, found->second);
    return;
  }
  const auto entry = entries_.insert(entries_.end(), Entry{parent, std::string(name), row});
  table_.emplace(Key{parent, entry->name}, entry);
  bytes_ += cost(*entry);
  while (bytes_ > bytes_max_ && !entries_.empty()) {
    const Entry& oldest = entries_.front();
    bytes_ -= cost(oldest);
    table_.erase(Key{oldest.parent, oldest.name});
    entries_.pop_front();
  }
}

void NameCache::clear() {
  MutexLock lock(mutex_);
  table_.clear();
  entries_.clear();
  bytes_ = 0;
}

std::uint64_t NameCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace ciaos::engine
