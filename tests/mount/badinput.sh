#!/usr/bin/env bash
# What cannot be mounted is refused with one line that names the thing and what to do, with the exit code of the manual
# page, and changes nothing: not the store, not the list of mounts.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 unshare setpriv pgrep
chmod 711 "$scratch"

state() { find "$scratch" -xdev -not -path "$scratch/errors" -printf '%p %y %m %s\n' | sort; sums_of "$scratch"; }

# refused CODE PATTERN COMMAND...: ends so, with one line that matches, and leaves no trace. TMPDIR holds what is not looked at.
refused() {
  local code=0 expected=$1 pattern=$2
  shift 2
  : >"$scratch/errors"
  state | grep -v "$scratch/errors\|/errors$" >"$outside/before"
  "$@" </dev/null >"$scratch/errors" 2>&1 || code=$?
  cp "$scratch/errors" "$outside/errors"
  : >"$scratch/errors"
  sed 's/^/   /' "$outside/errors"
  [ $code = "$expected" ] || fail "exit code $code instead of $expected: $*"
  [ "$(wc -l <"$outside/errors")" = 1 ] || fail "one line was wanted: $*"
  grep -qE -e "$pattern" "$outside/errors" || fail "nothing about '$pattern': $*"
  if mountpoint -q "$mnt"; then fail "something is mounted: $*"; fi
  state | grep -v "$scratch/errors\|/errors$" | diff "$outside/before" - || fail "something changed: $*"
}
outside=$(mktemp -d "${TMPDIR:-/var/tmp}/ciaosfs-test-log.XXXXXX")
leave_more() { rm -rf "$outside"; }

ciaosfs=$CIAOSFS_BIN/ciaosfs
one=$scratch/one two=$scratch/two pair=$scratch/pair image=$scratch/image
# Small, since every byte is summed before and after each case.
mkfs_small() { "$CIAOSFS_BIN/mkfs.ciaos" -q --volume-size 4M "$@" 2>/dev/null; }
mkfs_small "$one"
mkfs_small "$two"
mkfs_small "$pair.a" "$pair.b"
truncate -s 64M "$image"
mkfs_small --index "$scratch/image.index" "$image"

say "the command line"
refused 1 'no mountpoint' "$ciaosfs"
refused 1 'no store was given' env -u STORAGE_DIRECTORY "$ciaosfs" "$mnt"
refused 1 'unknown option -q' "$ciaosfs" -q "$one" "$mnt"
refused 1 'unknown mount option frobnicate' "$ciaosfs" "$one" "$mnt" -o frobnicate=1
refused 1 'commit=never' "$ciaosfs" "$one" "$mnt" -o commit=never
ln -s "$ciaosfs" "$scratch/mount.fuse.ciaosfs"
refused 1 'unknown mount option frobnicate' "$scratch/mount.fuse.ciaosfs" "$one" "$mnt" -o frobnicate
refused 1 '-N is not supported' "$scratch/mount.fuse.ciaosfs" "$one" "$mnt" -N /proc/self/ns/mnt
refused 1 "$one is named twice" "$ciaosfs" "$one" "$two" "$one/" "$mnt"

say "a wrong path"
refused 32 "$scratch/nothing: there is no such file" "$ciaosfs" "$scratch/nothing" "$mnt"
refused 32 'holds no ciaosfs store' "$ciaosfs" "$mnt" "$scratch/pair.a/volumes"
mkdir "$scratch/plain"
refused 32 "$scratch/plain holds no ciaosfs store; format" "$ciaosfs" "$scratch/plain" "$mnt"
truncate -s 64M "$scratch/zeros"
refused 32 "$scratch/zeros.*; format" "$ciaosfs" "$scratch/zeros" "$mnt"
refused 32 "$scratch/zeros.*; format" "$ciaosfs" "$scratch/zeros" "$mnt" -o ro
mkfifo "$scratch/fifo"
refused 32 "$scratch/fifo is no directory, no block device" timeout 60 "$ciaosfs" "$scratch/fifo" "$mnt"
refused 32 "$one/volumes/0 is a part of the store $one; name the folder" "$ciaosfs" "$one/volumes/0" "$mnt"
refused 32 "$one/superblock is a part of the store $one; name the folder" "$ciaosfs" "$one/superblock" "$mnt"
refused 1 "$one/volumes/0 is a part of the store $one" "$CIAOSFS_BIN/mkfs.ciaos" -f "$one/volumes/0"
cp -a "$one" "$scratch/headless"
rm "$scratch/headless/superblock"
refused 32 "$scratch/headless holds volumes, but its superblock is missing; put that file back" \
  "$ciaosfs" "$scratch/headless" "$mnt"
cp -a "$one" "$scratch/flat"
rm -rf "$scratch/flat/index"
echo file >"$scratch/flat/index"
refused 32 "$scratch/flat/index is where the index belongs, and no folder; move it away" "$ciaosfs" "$scratch/flat" "$mnt"
refused 32 "$scratch/missing: there is no such mountpoint" "$ciaosfs" "$one" "$scratch/missing"
refused 32 "$image: the mountpoint is not a directory" "$ciaosfs" "$one" "$image"
refused 32 'hide its own store' "$ciaosfs" "$one" "$scratch"

say "not the whole store, or more than one"
refused 32 'device 1 of the 2 .*missing; name all' "$ciaosfs" "$pair.a" "$mnt"
refused 32 'device 0 of the 2 .*missing; name all' "$ciaosfs" "$pair.b" "$mnt"
refused 32 'is of store .*; name those of one store' "$ciaosfs" "$one" "$two" "$mnt"
refused 32 'is of store .*; name those of one store' "$ciaosfs" "$pair.a" "$mnt" -o device="$two"

say "a store of a newer version"
cp -a "$one" "$scratch/newer"
python3 - "$scratch/newer/superblock" <<'PYTHON'
import struct, sys
def crc32c(block):
    crc = 0xFFFFFFFF
    for byte in block:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
with open(sys.argv[1], "r+b") as file:
    for copy in (0, 4096):
        file.seek(copy)
        block = bytearray(file.read(4096))
        block[8:16] = struct.pack("<II", 99, 0)  # version, checksum
        block[12:16] = struct.pack("<I", crc32c(block))
        file.seek(copy)
        file.write(block)
PYTHON
refused 32 "$scratch/newer.*version 99.*; mount it with that version" "$ciaosfs" "$scratch/newer" "$mnt"

say "damage"
cp -a "$one" "$scratch/overwritten"
python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(40); f.write(b"x"); f.seek(4136); f.write(b"x")' "$scratch/overwritten/superblock"
refused 32 "$scratch/overwritten.*; see what .fsck.ciaos -n" "$ciaosfs" "$scratch/overwritten" "$mnt"
cp -a "$one" "$scratch/gone"
rm "$scratch"/gone/volumes/*
refused 32 "$scratch/gone" "$ciaosfs" "$scratch/gone" "$mnt"
cp -a "$one" "$scratch/short"
truncate -s 1M "$scratch"/short/volumes/0
refused 32 "$scratch/short.*; see what .fsck.ciaos -n" "$ciaosfs" "$scratch/short" "$mnt"
cp -a "$one" "$scratch/folder"
mkdir "$scratch/folder/volumes/99"
refused 32 "volumes/99 has a volume's name and is no file; see what" "$ciaosfs" "$scratch/folder" "$mnt"
cp -a --sparse=always "$image" "$scratch/truncated"
truncate -s 40M "$scratch/truncated"
refused 32 "$scratch/truncated has 41943040 bytes, but was formatted with 67108864; " "$ciaosfs" "$scratch/truncated" "$mnt"

if has_own_namespace; then
  say "no permission"
  chown nobody "$mnt"
  # In a /dev of its own, since not every machine lets everybody open /dev/fuse.
  refused 2 "$one.*: permission denied; run as root" "${own_namespace[@]}" bash -ec '
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3
    mknod -m 666 /dev/fuse c 10 229
    exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' -- "$ciaosfs" "$one" "$mnt"
  refused 2 '/dev/fuse: permission denied; run as root' "${own_namespace[@]}" bash -ec '
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3
    mknod -m 600 /dev/fuse c 10 229
    exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' -- "$ciaosfs" "$one" "$mnt"
  chown root "$mnt"

  say "no /dev/fuse"
  refused 2 '/dev/fuse: FUSE is missing; load' "${own_namespace[@]}" bash -ec '
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3
    exec "$@"' -- "$ciaosfs" "$one" "$mnt"
fi

say "a store that is in use"
store=$one
mount_store
mkdir "$outside/second"
if "$ciaosfs" "$one" "$outside/second" -o wait=0 </dev/null 2>"$outside/errors"; then fail "mounted twice"; fi
grep -E "$one.* in use by process $(daemon_pid); unmount it" "$outside/errors" || fail "$(cat "$outside/errors")"
unmount_store

say "the start is stopped while it waits for a store"
mount_store
"$ciaosfs" "$one" "$outside/second" -o wait=600 </dev/null 2>"$outside/errors" &
starting=$!
for ((tenths = 0; tenths < 100; tenths++)); do
  waiting=$(pgrep -P $starting) && break
  sleep 0.1
done
kill -INT $starting
code=0
wait $starting || code=$?
[ $code = 32 ] || fail "exit code $code"
grep -F 'stopped by a signal before the mount was ready' "$outside/errors" || fail "$(cat "$outside/errors")"
if [ -d "/proc/$waiting" ] && [ "$(readlink "/proc/$waiting/exe")" = "$ciaosfs" ]; then fail "the child still waits"; fi
unmount_store

say "half of a superblock file"
truncate -s 4096 "$one/superblock"
"$CIAOSFS_BIN/fsck.ciaos" -n "$one" >"$outside/errors" && fail "fsck.ciaos -n finds nothing"
cat "$outside/errors"
mount_store -o ro
unmount_store
[ "$(stat -c %s "$one/superblock")" = 4096 ] || fail "a read-only mount repaired it"
mount_store
unmount_store
check_store
truncate -s 4096 "$one/superblock"
"$CIAOSFS_BIN/fsck.ciaos" -p -f "$one" || [ $? = 1 ] || fail "fsck.ciaos -p does not repair it"
check_store

say "no io_uring: it works, and the log says what was done instead"
python3 - "$ciaosfs" -f "$one" "$mnt" 2>"$outside/log" <<'PYTHON' &
import ctypes, errno, os, struct, sys
IO_URING_SETUP, ALLOW, ERRNO = 425, 0x7FFF0000, 0x00050000
program = b"".join(struct.pack("HBBI", *step) for step in [
    (0x20, 0, 0, 0),                    # load the number of the system call
    (0x15, 0, 1, IO_URING_SETUP),       # unless it is io_uring_setup, go past the next step
    (0x06, 0, 0, ERRNO | errno.EPERM),
    (0x06, 0, 0, ALLOW)])
steps = ctypes.create_string_buffer(program, len(program))
class Filter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
filter = Filter(4, ctypes.addressof(steps))
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter)) != 0:
    sys.exit("seccomp is not to be had")
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
serving=$!
for ((tenths = 0; tenths < 100; tenths++)); do
  if mountpoint -q "$mnt" || ! kill -0 $serving 2>/dev/null; then break; fi
  sleep 0.1
done
echo slower >"$mnt/file"
sync "$mnt/file"
[ "$(cat "$mnt/file")" = slower ]
kill -TERM $serving
wait $serving || fail "exit code $?: $(cat "$outside/log")"
grep -F 'no io_uring' "$outside/log" || fail "nothing in the log about io_uring: $(cat "$outside/log")"

say "a full disk"
mkdir "$scratch/small"
mount -t tmpfs -o size=64M none "$scratch/small"
store=$scratch/small/store
mkfs_small "$store"
head -c 100M /dev/zero >"$scratch/small/filler" 2>/dev/null || true
rm -rf "$store/index"
code=0
"$ciaosfs" "$store" "$mnt" </dev/null 2>"$outside/errors" || code=$?
cat "$outside/errors"
[ $code = 32 ] || fail "exit code $code"
grep -E "$store.*(no space is left|is full); free some" "$outside/errors" || fail "not the right words"
[ "$(wc -l <"$outside/errors")" = 1 ] || fail "one line was wanted"
rm "$scratch/small/filler"
mount_store
echo room >"$mnt/file"
unmount_store
umount "$scratch/small"
