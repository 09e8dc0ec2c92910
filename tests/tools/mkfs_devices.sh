#!/usr/bin/env bash
# mkfs.ciaos on block devices: loop devices, mounted ones, and an image below a loop device.
. "$(dirname "$0")/_tools.sh"
need_loop_devices

image disk 64M
attach "$scratch/disk"
exits 0 "$mkfs" "$loop"
says 'kind=raw'
exits 0 "$fsck" -n "$loop"
exits 1 "$mkfs" "$loop"
says 'holds a ciaosfs store'
exits 0 "$mkfs" -q -f "$loop"
exits 0 "$fsck" -n "$loop"

exits 1 "$mkfs" -f "$scratch/disk"
says "attached to $loop"

command -v mkfs.ext4 >/dev/null || skip "the rest needs mkfs.ext4"
image mounted 64M
mkfs.ext4 -q -F "$scratch/mounted" || fail "mkfs.ext4"
attach "$scratch/mounted"
mkdir "$scratch/mountpoint"
mount "$loop" "$scratch/mountpoint" || skip "a loop device cannot be mounted here"
exits 1 "$mkfs" -f "$loop"
says 'mounted'
exits 1 "$mkfs" -n "$loop"
exits 0 "$mkfs" -q --volume-size 4M "$scratch/mountpoint"
exits 0 "$fsck" -n "$scratch/mountpoint"
umount "$scratch/mountpoint"
