// Names lately looked up, also those that are known not to be there. Bounded; what it says is always current, since
// every change of a directory goes through here under that directory's lock.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/mutex.h"
#include "meta/rows.h"

namespace ciaos::engine {

// Thread-safe; its mutex is a leaf.
class NameCache {
 public:
  explicit NameCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  struct Found {
    bool known = false;                // false: ask the rows
    std::optional<meta::NameRow> row;  // known and empty: there is no such name
  };
  Found find(InodeId parent, std::string_view name);
  // A directory that was made just now: as long as none of its names is thrown out, what is not here is not there.
  void begin(InodeId directory);
  // REQUIRES: the caller holds the parent's lock (shared is enough for what it just read).
  void remember(InodeId parent, std::string_view name, const std::optional<meta::NameRow>& row);
  void clear();
  std::uint64_t bytes() const;

  // What one name costs here beyond its bytes: two table nodes, list links, allocation headers (measured).
  static constexpr std::uint64_t kEntryBytes = 200;
  static constexpr std::uint64_t kWholeBytes = 48;  // and a directory all of whose names are here

 private:
  struct Key {
    InodeId parent;
    std::string_view name;  // into the entry
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<InodeId>{}(key.parent) * 31 + std::hash<std::string_view>{}(key.name);
    }
  };
  struct Entry {
    InodeId parent;
    std::string name;
    std::optional<meta::NameRow> row;
  };
  using List = std::list<Entry>;  // least lately used first
  static std::uint64_t cost(const Entry& entry) { return kEntryBytes + entry.name.capacity(); }
  void forget_whole(InodeId directory) REQUIRES(mutex_);
  void drop_oldest() REQUIRES(mutex_);

  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  List entries_ GUARDED_BY(mutex_);
  std::unordered_map<Key, List::iterator, Hash> table_ GUARDED_BY(mutex_);
  // All of whose names are here. Each is itself named by an entry, so there are no more of them than of those.
  std::unordered_set<InodeId> whole_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ciaos::engine
