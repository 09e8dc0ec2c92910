#!/usr/bin/env bash
# What an fsync acknowledged is there after kill -9; what came later is there whole or not at all; the index may be lost.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse

say "files written and synced"
format_store
mount_store
mkdir "$mnt/kept"
for number in $(seq 1 200); do
  head -c $((number * 517)) /dev/urandom >"$mnt/kept/$number"
done
head -c 5000000 /dev/urandom >"$mnt/kept/large"
make_durable
sums_of "$mnt/kept" >"$scratch/sums"
mkdir "$mnt/later"
for number in $(seq 1 50); do echo "$number" >"$mnt/later/$number"; done

say "the daemon dies"
kill_daemon
mount_store
sums_of "$mnt/kept" | diff - "$scratch/sums" || fail "synced files differ after the crash"
if [ -d "$mnt/later" ]; then
  find "$mnt/later" -type f | while read -r path; do
    text=$(cat "$path")
    [ -z "$text" ] || [ "$text" = "${path##*/}" ] || fail "$path holds '$text', which nobody wrote"
  done
fi

say "the index is deleted"
unmount_store
check_store
delete_index
mount_store
sums_of "$mnt/kept" | diff - "$scratch/sums" || fail "files differ after the index was rebuilt"

say "the index is deleted after a crash"
echo more >"$mnt/kept/more"
make_durable
sums_of "$mnt/kept" >"$scratch/sums"
kill_daemon
delete_index
mount_store
sums_of "$mnt/kept" | diff - "$scratch/sums" || fail "files differ after a crash and a lost index"
unmount_store
check_store
