#!/usr/bin/env bash
# What the daemon may take is little: files in more volumes than it may have descriptors, and in a cgroup with little memory.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3
descriptors=128
megabytes=200 # in volumes of one
# mem= of 32M, what it does not cover (memory_bound.sh), and something for the pages of SQLite's files.
memory_bytes=$(((32 + 192 + 32) << 20))

# The folder of a new memory cgroup with a limit, of either version; nothing where there is none to be had.
group=''
make_group() {
  local parent
  if grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
    mkdir "/sys/fs/cgroup/ciaosfs-test.$$" 2>/dev/null || return 1
    group=/sys/fs/cgroup/ciaosfs-test.$$
    echo "$memory_bytes" >"$group/memory.max" && echo 0 >"$group/memory.swap.max"
  elif parent=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/self/mounts) && [ -n "$parent" ]; then
    mkdir "$parent/ciaosfs-test.$$" 2>/dev/null || return 1
    group=$parent/ciaosfs-test.$$
    echo "$memory_bytes" >"$group/memory.limit_in_bytes"
  else
    return 1
  fi
}
leave_more() {
  local pid
  if mountpoint -q "$mnt"; then umount -l "$mnt"; fi
  for pid in $(daemon_pid); do kill -9 "$pid"; done
  wait_for_daemon_end
  [ -z "$group" ] || rmdir "$group"
}

# mount_store, by a process that has its limits from the start.
mount_small() {
  (
    [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
    ulimit -n "$descriptors"
    exec "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" ${CIAOS_MOUNT_OPTIONS:+-o "$CIAOS_MOUNT_OPTIONS"} -o mem=32M,compact=1G </dev/null
  )
  mountpoint -q "$mnt" || fail "ciaosfs said it mounted, but $mnt is no mount point"
}

# Eight writers with files of 1 KB to 1 MB, some of them overwritten; then everything is read back.
load() {
  python3 - "$mnt" "$megabytes" <<'PYTHON'
import hashlib, os, random, sys, threading
root, megabytes = sys.argv[1], int(sys.argv[2])
sums, faults = {}, []

def write(writer):
    dice, left = random.Random(writer), megabytes * 1_000_000 // 8
    os.mkdir(f"{root}/{writer}")
    number = 0
    while left > 0:
        contents = dice.randbytes(int(1000 * 1000 ** dice.random()))
        path = f"{root}/{writer}/{number % 150}"
        with open(path, "wb") as file:
            file.write(contents)
        sums[path] = hashlib.sha256(contents).digest()
        left, number = left - len(contents), number + 1

def guarded(writer):
    try:
        write(writer)
    except OSError as error:
        faults.append(error)

threads = [threading.Thread(target=guarded, args=(writer,)) for writer in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for path, wanted in sums.items():
    with open(path, "rb") as file:
        if hashlib.sha256(file.read()).digest() != wanted:
            faults.append(path)
print(f"{len(sums)} files")
sys.exit(str(faults[:5]) if faults else 0)
PYTHON
}

format_store --volume-size 1M
make_group || say "without a limit of memory: no cgroup can be made here"
mount_small
pid=$(daemon_pid)
load || fail "under limits: see above"
volumes=$(find "$store/volumes" -type f | wc -l)
[ "$volumes" -gt "$descriptors" ] || fail "there are only $volumes volumes"
[ "$(daemon_pid)" = "$pid" ] || fail "the daemon was ended"
say "$volumes volumes, $(find "/proc/$pid/fd" -mindepth 1 | wc -l) descriptors of $descriptors"
unmount_store
mount_small
sums_of "$mnt" >"$scratch/sums" || fail "reading everything in a new process"
unmount_store
check_store
