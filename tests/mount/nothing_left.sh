#!/usr/bin/env bash
# What a read-only mount and a store in memory keep in a scratch folder goes with them, and at the next start if they were killed.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse

format_store --volume-size 4M
copies=$scratch/copies
mkdir "$copies"
folders() { find "$copies" -mindepth 1 -maxdepth 1 | wc -l; }

say "a read-only mount ends"
mount_store -o ro,scratch="$copies"
[ "$(folders)" = 1 ] || fail "there is no copy of the index"
unmount_store
[ "$(folders)" = 0 ] || fail "something is left: $(ls "$copies")"

say "a read-only mount is killed"
mount_store -o ro,scratch="$copies"
kill_daemon
[ "$(folders)" = 1 ] || fail "the test is about a folder that is left"
mkdir "$copies/ciaosfs-ro.foreign" "$copies/other"
chown nobody "$copies/ciaosfs-ro.foreign"
mount_store -o ro,scratch="$copies"
mkdir "$scratch/second"
"$CIAOSFS_BIN/ciaosfs" "$store" "$scratch/second" -o ro,scratch="$copies" </dev/null
[ "$(folders)" = 4 ] || fail "two mounts, and two folders of others: $(ls "$copies")"
echo 'each still has its own' && ls "$mnt" "$scratch/second" >/dev/null
umount "$scratch/second"
unmount_store
[ "$(cd "$copies" && echo *)" = "ciaosfs-ro.foreign other" ] || fail "something is left: $(ls "$copies")"

say "a store in memory is killed"
start_mock() {
  "$CIAOSFS_BIN/ciaosfs" -f "$mnt" -o backend=mock </dev/null >/dev/null 2>&1 &
  serving=$!
  for ((tenths = 0; tenths < 600; tenths++)); do
    if mountpoint -q "$mnt" && ls "$mnt" >/dev/null; then return; fi
    kill -0 $serving 2>/dev/null || break
    sleep 0.1
  done
  fail "it does not mount"
}
start_mock
folder=$(readlink /proc/$serving/fd/* | grep -m 1 -o '^/tmp/ciaosfs-mock-index\.[A-Za-z0-9]*')
[ -d "$folder" ] || fail "there is no index"
kill -9 $serving
wait $serving || true
umount "$mnt"
[ -d "$folder" ] || fail "the test is about a folder that is left"
start_mock
[ ! -d "$folder" ] || fail "it is still there: $folder"
umount "$mnt"
wait $serving
