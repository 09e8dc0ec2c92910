#!/usr/bin/env bash
# The daemon's memory stays under its stated bound (ciaosfs(8), mem=) while many files are created.
#
# By hand, with the number that tells: CIAOS_FILES=1000000 bash tests/mount/memory_bound.sh
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3
files=${CIAOS_FILES:-40000}
mem_mib=64
# What mem= does not cover: log buffers and the index's caches (192 MiB), and 64 bytes for each inode the kernel remembers.
bound_kib=$(((mem_mib + 192) * 1024 + files * 64 / 1024))

format_store
mount_store -o mem=${mem_mib}M
pid=$(daemon_pid)
python3 - "$mnt" "$files" <<'PYTHON' &
import os, sys
root, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    folder = f"{root}/{number // 1000:04d}"
    if number % 1000 == 0:
        os.mkdir(folder)
    handle = os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY, 0o644)
    os.write(handle, b"x" * 100)
    os.close(handle)
PYTHON
creator=$!
highest_kib=0
look() {
  local now_kib
  now_kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
  ((now_kib <= highest_kib)) || highest_kib=$now_kib
}
while kill -0 "$creator" 2>/dev/null; do
  look
  sleep 0.2
done
wait "$creator" || fail "creating the files failed"
look
say "$files files, resident at most $highest_kib KiB, bound $bound_kib KiB"
((highest_kib <= bound_kib)) || fail "the daemon took $highest_kib KiB, which is above its bound of $bound_kib KiB"
[ "$(find "$mnt" -type f | wc -l)" = "$files" ] || fail "not all files are there"
unmount_store
check_store
