#!/usr/bin/env bash
# The same random system calls on a mount and on XFS end the same way (doc/semantics.md: POSIX).
#
# CIAOS_CALLS says how many (20,000 by default; 1,000,000 by hand), CIAOS_SEED which ones.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 mkfs.xfs

calls=${CIAOS_CALLS:-20000}
seed=${CIAOS_SEED:-$RANDOM$RANDOM}
program=$(dirname "$0")/_compare_calls.py

mkdir "$scratch/xfs"
truncate -s 1G "$scratch/xfs_image"
# Sharing extents, XFS copies as many bytes as make whole blocks; without, as many as were asked for.
mkfs.xfs -q -m reflink=0 "$scratch/xfs_image"
mount -o loop,noatime "$scratch/xfs_image" "$scratch/xfs" || skip "XFS cannot be mounted from a loop device"
format_store --volume-size 64M
mount_store
mkdir "$mnt/work" "$scratch/xfs/work"

say "seed $seed"
python3 "$program" calls "$mnt/work" "$scratch/xfs/work" "$calls" "$seed" || fail "a call differs; seed $seed"
say "everything that is left is the same, now and after a remount"
python3 "$program" trees "$mnt/work" "$scratch/xfs/work"
unmount_store
mount_store
python3 "$program" trees "$mnt/work" "$scratch/xfs/work"
unmount_store
check_store
