#!/usr/bin/env bash
# The index is in the page cache soon after a store is mounted, read-only or not, so that names in random order cost no device reads.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool fincore python3

format_store
mount_store
python3 - "$mnt" <<'PYTHON'
import os, sys
for number in range(20000):
    if number % 1000 == 0:
        os.mkdir(f"{sys.argv[1]}/{number // 1000}")
    os.close(os.open(f"{sys.argv[1]}/{number // 1000}/{number}", os.O_CREAT | os.O_WRONLY, 0o644))
PYTHON
unmount_store
database=$store/index/index.sqlite

cached_bytes() { fincore --bytes --noheadings --output RES "$database" | tr -d ' '; }
all_cached() { [ "$(cached_bytes)" -ge "$(stat -c %s "$database")" ]; }
drop_database() { python3 -c 'import os, sys
with open(sys.argv[1], "rb") as file:
    os.fsync(file)
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)' "$database"; }

for options in rw ro; do
  say "mounted $options"
  drop_database
  [ "$(cached_bytes)" -lt $(($(stat -c %s "$database") / 2)) ] || skip "this filesystem keeps what is dropped"
  mount_store -o "$options"
  wait_until all_cached
  unmount_store
done
check_store
