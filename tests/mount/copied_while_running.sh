#!/usr/bin/env bash
# A raw store's device is copied under load, at one moment, and mounted from the copy: what was acknowledged by then is in it.
#
# The copy is a reflink: XFS makes it with the file locked against writes, so it is the device as it was between two of its
# writes. A byte by byte copy (cp, dd) takes old bytes here and newer ones there, in an order that no device ever had, and
# proves nothing.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 mkfs.xfs losetup

ledger=$(dirname "$0")/_ledger.py
books=$scratch/books
host=$scratch/host
copies=4
mkdir "$host"
truncate -s 2G "$scratch/host_image"
mkfs.xfs -q "$scratch/host_image"
mount -o loop "$scratch/host_image" "$host" || skip "XFS cannot be mounted from a loop device"

truncate -s 256M "$host/image"
loop_device=$(losetup --find --show "$host/image") || skip "there is no loop device"
store=$loop_device
format_store --index "$index"
mount_store -o commit=1,compact=1G,scrub=256M,scrub_interval=0

now() { python3 -c 'import time; print(time.monotonic())'; }

say "copied $copies times under load"
python3 "$ledger" load "$mnt" "$books" 6 &
loader=$!
for ((copy = 0; copy < copies; copy++)); do
  sleep "1.$((RANDOM % 400))"
  now >"$scratch/before$copy"
  cp --reflink=always "$host/image" "$host/copy$copy" || skip "the host cannot share bytes"
  now >"$scratch/after$copy"
done
wait "$loader" || fail "wrong bytes under load"
python3 "$ledger" verify "$mnt" "$books" 0 inf >/dev/null
unmount_store
losetup -d "$loop_device"
loop_device=''

say "each copy is a store as it was at that moment, on a machine without its index"
for ((copy = 0; copy < copies; copy++)); do
  loop_device=$(losetup --find --show "$host/copy$copy")
  store=$loop_device
  mount_store -o index="$scratch/index$copy"
  python3 "$ledger" verify "$mnt" "$books" "$(cat "$scratch/before$copy")" "$(cat "$scratch/after$copy")"
  unmount_store
  "$CIAOSFS_BIN/fsck.ciaos" -n --index "$scratch/index$copy" "$store" >"$scratch/fsck.out" || fail "$(cat "$scratch/fsck.out")"
  losetup -d "$loop_device"
  loop_device=''
done
