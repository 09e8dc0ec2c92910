#!/usr/bin/env bash
# A store has one writer, whichever way it is reached: started without standard streams, or through the image file below a
# loop device and through the device over it.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool losetup

second=$scratch/second
mkdir "$second"
ciaosfs=$CIAOSFS_BIN/ciaosfs
image=$scratch/image
other_loop=''
leave_more() { if [ -n "$other_loop" ]; then losetup -d "$other_loop"; fi; }

# refused PATTERN COMMAND...: at once, in one line that matches.
refused() {
  local pattern=$1
  shift
  if "$@" </dev/null >"$scratch/errors" 2>&1; then fail "not refused: $*"; fi
  sed 's/^/   /' "$scratch/errors"
  [ "$(wc -l <"$scratch/errors")" = 1 ] || fail "one line was wanted: $*"
  grep -qE -e "$pattern" "$scratch/errors" || fail "nothing about '$pattern': $*"
  if mountpoint -q "$second"; then fail "something is mounted: $*"; fi
}

say "started without standard input, output and error"
format_store --volume-size 4M
sum_of_superblock() { sha256sum <"$store/superblock"; }
(exec 0<&- 1>&- 2>&-; exec "$ciaosfs" "$store" "$mnt")
mountpoint -q "$mnt" || fail "it did not mount"
refused "in use by process $(daemon_pid)" "$ciaosfs" "$store" "$second" -o wait=0
echo kept >"$mnt/file"
sync "$mnt/file"
unmount_store
check_store
before=$(sum_of_superblock)
code=0
(exec 0<&- 1>&- 2>&-; exec "$CIAOSFS_BIN/fsck.ciaos" -n -v "$store") || code=$?
[ $code = 0 ] || fail "fsck.ciaos without standard streams: exit code $code"
(exec 0<&- 1>&- 2>&-; exec "$CIAOSFS_BIN/mkfs.ciaos" --volume-size 4M "$scratch/made") || fail "mkfs.ciaos: exit code $?"
[ "$(sum_of_superblock)" = "$before" ] || fail "fsck.ciaos -n changed a superblock"
"$CIAOSFS_BIN/fsck.ciaos" -n "$scratch/made"

say "an image file, and the loop device over it"
format_loop_store 64M
mount_store
daemon=$(daemon_pid)
refused "$image is attached to $loop_device" "$ciaosfs" "$image" "$second" -o wait=0
refused "$image is in use by process $daemon" "$ciaosfs" "$image" "$second" -o ro,wait=0
refused "$image is in use by process $daemon" "$CIAOSFS_BIN/fsck.ciaos" -n "$image"
refused "$image is attached to $loop_device" "$CIAOSFS_BIN/fsck.ciaos" -y "$image"
refused "$image is attached to $loop_device" "$CIAOSFS_BIN/mkfs.ciaos" -f "$image"
other_loop=$(losetup --find --show "$image")
refused "$image is in use by process $daemon" "$ciaosfs" "$other_loop" "$second" -o wait=0
losetup -d "$other_loop"
other_loop=''
unmount_store

say "the same from the other side"
losetup -d "$loop_device"
loop_device=''
store=$image
mount_store
loop_device=$(losetup --find --show "$image")
refused "$image is in use by process $(daemon_pid)" "$ciaosfs" "$loop_device" "$second" -o wait=0
refused "$image is in use by process $(daemon_pid)" "$CIAOSFS_BIN/fsck.ciaos" -y "$loop_device"
refused "$image is in use by process $(daemon_pid)" "$CIAOSFS_BIN/mkfs.ciaos" -f "$loop_device"
unmount_store

say "read-only, both ways at once"
mount_store -o ro
"$ciaosfs" "$loop_device" "$second" -o ro </dev/null
umount "$second"
unmount_store
check_store
