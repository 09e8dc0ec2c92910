#!/usr/bin/env bash
# The filesystem below the store is filled by somebody else: writes get ENOSPC, deleting works, and when there is room again
# writing does, too, without a remount. A mount that begins on a full one takes deletions.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool mkfs.xfs losetup

truncate -s 700M "$scratch/host.img"
loop_device=$(losetup --find --show "$scratch/host.img") || skip "there is no loop device"
mkfs.xfs -q "$loop_device"
mkdir "$scratch/host"
mount "$loop_device" "$scratch/host"
store=$scratch/host/store
fill() { fallocate -l "$(($(stat -f -c '%a * %S' "$scratch/host") - 65536))" "$scratch/host/filler" && dd if=/dev/zero of="$scratch/host/rest" bs=4k oflag=direct status=none 2>/dev/null || true; }
free() { rm -f "$scratch/host/filler" "$scratch/host/rest"; }

format_store --volume-size 16M
mount_store
mkdir "$mnt/d"
for i in {1..40}; do head -c 1000000 /dev/urandom >"$mnt/d/$i"; done
make_durable

say "the host is full"
fill
full=''
for i in {1..400}; do
  if ! { head -c 1000000 /dev/zero >"$mnt/d/new$i" && sync "$mnt/d/new$i"; } 2>"$scratch/error"; then
    full=yes
    break
  fi
done
[ -n "$full" ] || fail "400 MB went into a full filesystem"
grep -q "No space left" "$scratch/error" || fail "not ENOSPC: $(cat "$scratch/error")"

say "deleting works"
rm "$mnt/d"/new* "$mnt/d/1" "$mnt/d/2"
sync "$mnt/d"
[ ! -e "$mnt/d/1" ]

say "a mount of a store on a full host"
kill_daemon
fill
mount_store
rm "$mnt/d/3"
sync "$mnt/d"
[ "$(find "$mnt/d" -type f | wc -l)" = 37 ] || fail "$(find "$mnt/d" -type f | wc -l) files, not 37"

say "room again"
free
echo "written" >"$mnt/again"
sync "$mnt/again"
unmount_store
check_store
umount "$scratch/host"
