#include "rpc/lease_cache.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace ciaos::rpc {

using engine::ChangeMarks;
using engine::ObjectPath;

namespace {

constexpr std::size_t kMarksBytes = ChangeMarks::kMarks * sizeof(ChangeMarks::Mark);

}  // namespace

bool LeaseCache::Extents::held(std::uint64_t now_ms) const {
  return std::ranges::all_of(parts, [&](const Part& part) { return now_ms < part.volume->held_until_ms; });
}

LeaseCache::~LeaseCache() {
  if (!marks_.empty()) ::munmap(const_cast<ChangeMarks::Mark*>(marks_.data()), kMarksBytes);
}

void LeaseCache::begin(const Uuid& store, const UniqueFd& marks, const BeforeWaiting& before_waiting) {
  begun_ = true;
  store_ = store;
  before_waiting_ = before_waiting;
  // One that could be shortened under us would be no daemon's.
  const int seals = ::fcntl(marks.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return;
  void* at = ::mmap(nullptr, kMarksBytes, PROT_READ, MAP_SHARED, marks.get(), 0);
  if (at != MAP_FAILED)
    marks_ = {std::launder(reinterpret_cast<const ChangeMarks::Mark*>(at)), ChangeMarks::kMarks};
}

bool LeaseCache::holds(const Object& object) const {
  return std::ranges::all_of(object.marks, [&](std::uint32_t mark) {
    return mark < marks_.size() && marks_[mark].load(std::memory_order_acquire) <= object.stamp;
  });
}

LeaseCache::ObjectRef LeaseCache::find(const ObjectPath& path, std::uint64_t now_ms) const {
  if (marks_.empty()) return nullptr;
  const std::string key = key_of(path);
  Shard& shard = shard_of(key);
  ObjectRef found;
  {
    MutexLock lock(shard.mutex);
    const auto at = shard.objects.find(key);
    if (at == shard.objects.end()) return nullptr;
    found = at->second;
  }
  return found->extents.held(now_ms) && holds(*found) ? found : nullptr;
}

std::uint64_t LeaseCache::bytes_of(const std::string& key, const Object& object) {
  std::uint64_t bytes = 512 + 2 * key.size() + object.info.notes.etag.size() +
                        object.extents.parts.size() * sizeof(Extents::Part) +
                        object.marks.size() * sizeof(std::uint32_t);
  for (const engine::Labels* labels : {&object.info.notes.facts, &object.info.notes.labels}) {
    for (const auto& [name, value] : *labels) bytes += 128 + name.size() + value.size();
  }
  return bytes;
}

void LeaseCache::erase(Shard& shard, std::unordered_map<std::string, ObjectRef>::iterator at) {
  shard.bytes -= bytes_of(at->first, *at->second);
  shard.objects.erase(at);
}

void LeaseCache::keep(const ObjectPath& path, ObjectRef object) {
  if (marks_.empty() || object->marks.empty()) return;
  const std::string key = key_of(path);
  Shard& shard = shard_of(key);
  MutexLock lock(shard.mutex);
  if (const auto known = shard.objects.find(key); known != shard.objects.end()) erase(shard, known);
  shard.bytes += bytes_of(key, *object);
  shard.objects.emplace(key, std::move(object));
  // Whoever is first in the table goes, which is nobody in particular.
  while (shard.bytes > kBytesMax / kShards) erase(shard, shard.objects.begin());
}

void LeaseCache::drop(const ObjectPath& path) {
  const std::string key = key_of(path);
  Shard& shard = shard_of(key);
  MutexLock lock(shard.mutex);
  if (const auto known = shard.objects.find(key); known != shard.objects.end()) erase(shard, known);
}

LeaseCache::VolumeRef LeaseCache::find_volume(VolumeId id) const {
  MutexLock lock(volumes_mutex_);
  const auto found = volumes_.find(id);
  return found == volumes_.end() ? nullptr : found->second;
}

LeaseCache::VolumeRef LeaseCache::add_volume(VolumeId id, UniqueFd fd) {
  // What is wanted is read, and nothing around it.
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  MutexLock lock(volumes_mutex_);
  return volumes_.try_emplace(id, std::make_shared<Volume>(std::move(fd))).first->second;
}

Status LeaseCache::read(const Extents& extents, std::uint64_t offset, MutableByteSpan into) const {
  const std::uint64_t end = offset + into.size();
  std::uint64_t at = offset;
  const auto zeros_up_to = [&](std::uint64_t to) {
    std::ranges::fill(into.subspan(at - offset, to - at), std::byte{0});
  };
  for (const auto& [piece, volume] : extents.parts) {
    if (piece.end() <= at) continue;
    if (piece.offset >= end) break;
    const engine::LeasedPiece part = clipped(piece, at, end);
    zeros_up_to(part.offset);
    TRY_VOID(read_leased(volume->fd.get(), store_, part, into.subspan(part.offset - offset, part.length),
                         before_waiting_));
    at = part.end();
  }
  zeros_up_to(end);
  return {};
}

void LeaseCache::sweep(std::uint64_t now_ms) {
  // One that is still wanted was taken anew since it was over.
  const std::uint64_t before_ms = now_ms - std::min(now_ms, kHeldMs);
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    for (auto at = shard.objects.begin(); at != shard.objects.end();) {
      const auto next = std::next(at);
      if (!at->second->extents.held(before_ms)) erase(shard, at);
      at = next;
    }
  }
  std::vector<VolumeRef> closed;  // without the lock
  MutexLock lock(volumes_mutex_);
  std::erase_if(volumes_, [&](const auto& volume) {
    if (before_ms < volume.second->held_until_ms) return false;
    closed.push_back(volume.second);
    return true;
  });
}

}  // namespace ciaos::rpc
