#!/usr/bin/env bash
# What is put into a mount comes out of it: contents, names, links, modes and times; now, after a remount, and read-only.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 diff getfattr setfattr

# Everything that `find` can tell of a tree, one line for each name. Link counts of directories and sizes of
# directories differ between filesystems by right.
inventory() {
  (cd "$1" && find . -mindepth 1 \( -type d -printf '%P  %y %m %U:%G %T@\0' -o -printf '%P  %y %m %U:%G %n %s %T@ %l\0' \)) |
    LC_ALL=C sort -z | tr '\0' '\n'
}

# Whether the tree at $1 is the source. What diff has no words for, fifo and device, the inventory compares.
same() {
  diff -r --no-dereference -x fifo -x null "$source" "$1" || fail "contents below $1 differ"
  diff <(inventory "$source") <(inventory "$1") || fail "attributes below $1 differ"
}

source=$scratch/source
say "a tree with everything that a name can stand for"
mkdir -p "$source/deep/er/and/deeper" "$source/empty" "$source/"$'with\nnewline'
for bytes in 0 1 4095 4096 4097 65535 65536 1048577; do head -c $bytes /dev/urandom >"$source/$bytes"; done
head -c 5000000 /dev/urandom >"$source/deep/er/large"
echo text >"$source/deep/er/and/deeper/file"
printf 'x' >"$source/$(printf 'n%.0s' $(seq 255))"
printf 'y' >"$source/"$'\xff\x01 not UTF-8'
ln "$source/4096" "$source/deep/hard"
ln -s ../4096 "$source/deep/soft"
ln -s "$(printf 'l%.0s' $(seq 4095))" "$source/dangling"
mkfifo "$source/fifo"
mknod "$source/null" c 1 3
chmod 0 "$source/1"
chmod 4755 "$source/4095"
chmod 2775 "$source/empty"
chown 1000:1001 "$source/4097"
touch -d '1969-12-31 23:59:58.123456789Z' "$source/65535"
touch -d '2242-02-02 02:02:02.000000002Z' "$source/deep"

say "copied in"
format_store --volume-size 64M
mount_store
mkdir "$mnt/copy"
cp -a "$source/." "$mnt/copy/"
same "$mnt/copy"
[ "$(stat -f -c %T "$mnt")" = fuseblk ] || [ "$(stat -f -c %T "$mnt")" = fuse ] || fail "no FUSE filesystem"

say "the kernel's caches dropped, and ours"
kill -USR1 "$(daemon_pid)"
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
same "$mnt/copy"

say "what programs do to files"
python3 "$(dirname "$0")/_file_operations.py" "$mnt/work" change
python3 "$(dirname "$0")/_file_operations.py" "$mnt/work" verify

say "mounted again"
unmount_store
mount_store
same "$mnt/copy"
python3 "$(dirname "$0")/_file_operations.py" "$mnt/work" verify

say "SIGTERM keeps what programs hold open and mapped"
python3 - "$mnt/held" "$(daemon_pid)" <<'PYTHON'
import mmap, os, signal, sys, time
path, daemon = sys.argv[1], int(sys.argv[2])
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.write(fd, b"-" * 8192)
memory = mmap.mmap(fd, 8192)
memory[5000:5005] = b"dirty"


# A process that ended keeps its entry until its parent took note of it, and who that is depends on the machine.
def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


os.kill(daemon, signal.SIGTERM)
while runs(daemon):
    time.sleep(0.01)
os._exit(0)
PYTHON
wait_for_daemon_end
mount_store
[ "$(tail -c +5001 "$mnt/held" | head -c 5)" = dirty ] || fail "a mapped page was lost at SIGTERM"
unmount_store

say "read-only, and not one byte of the store changes"
everything_of_the_store() { find "$store" -printf '%p %y %m %s %T@ %C@\n' | sort; sums_of "$store"; }
everything_of_the_store >"$scratch/before"
mount_store -o ro
same "$mnt/copy"
python3 "$(dirname "$0")/_file_operations.py" "$mnt/work" verify
if (echo x >"$mnt/new") 2>/dev/null; then fail "a read-only mount was written"; fi
unmount_store
diff "$scratch/before" <(everything_of_the_store) || fail "the store changed under a read-only mount"

check_store
