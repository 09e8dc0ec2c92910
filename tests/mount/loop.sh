#!/usr/bin/env bash
# A store on a raw block device: everything comes back after a remount, after kill -9, and on a machine that has never seen
# the device and has no index of it; a read-only mount leaves the device as it was.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool losetup diff

source=$scratch/source
mkdir -p "$source/folder"
for number in $(seq 1 300); do head -c $((number * 701)) /dev/urandom >"$source/folder/$number"; done
head -c 30000000 /dev/urandom >"$source/large"
ln -s folder/1 "$source/link"

say "copied in and mounted again"
format_loop_store 1G
mount_store
cp -a "$source" "$mnt/copy"
diff -r "$source" "$mnt/copy"
unmount_store
[ -d "$index" ] || fail "there is no index where mkfs.ciaos was told to put it"
mount_store
diff -r "$source" "$mnt/copy"

say "the daemon dies after an fsync"
cp -a "$source" "$mnt/second"
make_durable
kill_daemon
mount_store
diff -r "$source" "$mnt/second"
unmount_store
check_store

say "a machine that has no index"
delete_index
mount_store -o index="$scratch/other_index"
diff -r "$source" "$mnt/copy"
diff -r "$source" "$mnt/second"
unmount_store

say "read-only, twice at once, and not one byte of the device changes"
blockdev --flushbufs "$store"
before=$(sha256sum <"$scratch/image")
mount_store -o ro
mkdir "$scratch/second"
"$CIAOSFS_BIN/ciaosfs" "$store" "$scratch/second" -o ro </dev/null
diff -r "$source" "$mnt/copy"
diff -r "$source" "$scratch/second/second"
umount "$scratch/second"
unmount_store
blockdev --flushbufs "$store"
[ "$(sha256sum <"$scratch/image")" = "$before" ] || fail "the device changed under a read-only mount"
check_store
