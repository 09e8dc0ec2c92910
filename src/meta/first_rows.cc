#include "meta/first_rows.h"

#include <sys/stat.h>

namespace ciaos::meta {

Changes first_rows(const FirstRows& first) {
  InodeRow root;
  root.mode = S_IFDIR | 0755;
  root.uid = first.uid;
  root.gid = first.gid;
  root.links = 2;
  root.accessed = root.modified = root.changed = root.born = first.created;
  root.next_position = kFirstPosition;

  Changes changes;
  changes.inodes.emplace(kRootInode, root);
  changes.volumes.emplace(make_volume_id(0, 0), VolumeRow{Generation(1), VolumeState::open, Sequence(1)});
  const auto count = [&changes](Counter key, std::uint32_t index, std::uint64_t value) {
    changes.counters.emplace(static_cast<std::uint32_t>(key) + index, CounterRow{value});
  };
  count(Counter::next_inode, 0, kRootInode.value() + 1);
  count(Counter::inodes, 0, 1);
  count(Counter::stored_bytes, 0, 0);
  for (std::uint32_t device = 0; device < first.next_slots.size(); ++device) {
    count(Counter::next_slot, device, first.next_slots[device]);
  }
  return changes;
}

}  // namespace ciaos::meta
