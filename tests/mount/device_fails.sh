#!/usr/bin/env bash
# A device that takes no more writes, and one that is gone: the store becomes read-only and says so; what was acknowledged is there
# when the device is back.
#
# The device is thin: its backing file lies, sparse, on a filesystem that is full, so that blocks which were written before can be
# written again and new ones are EIO.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 losetup

ledger=$(dirname "$0")/_ledger.py
books=$scratch/books
thin=$scratch/thin
mkdir "$thin"
mount -t tmpfs -o size=64M tmpfs "$thin"
truncate -s 512M "$thin/image"
loop_device=$(losetup --find --show "$thin/image") || skip "there is no loop device"
store=$loop_device
format_store --index "$index" --volume-size 4M

say "writes begin to fail under load"
mount_logged -o commit=1,compact=0
python3 "$ledger" load "$mnt" "$books" 60 >"$scratch/out" &
loader=$!
sleep 2
head -c 100000000 /dev/urandom >"$mnt/too_much" 2>/dev/null || true
wait "$loader" || fail "$(cat "$scratch/out")"
grep -q 'EROFS\|EIO' "$scratch/out" || fail "the device never failed"
if { echo x >"$mnt/new"; } 2>"$scratch/refusal"; then fail "a store whose device failed takes changes"; fi
grep -q "Read-only file system" "$scratch/refusal" || fail "$(cat "$scratch/refusal")"
grep -q "Input/output error" "$log" || fail "the log does not say it: $(cat "$log")"
cat "$mnt"/0/f* >/dev/null || fail "what was there cannot be read"
umount "$mnt"
wait_for_daemon_end

say "the device has room again"
mount -o remount,size=600M "$thin"
mount_logged
python3 "$ledger" verify "$mnt" "$books"
echo "room again" >"$mnt/new"
sync "$mnt/new"

say "the device is gone"
CIAOS_MAY_BE_DAMAGED=1 python3 "$ledger" load "$mnt" "$books" 30 >"$scratch/out" &
loader=$!
sleep 1
truncate -s 0 "$thin/image"
wait "$loader" || fail "wrong bytes from a device that is gone: $(cat "$scratch/out")"
if touch "$mnt/newer" 2>/dev/null; then fail "a store whose device is gone takes changes"; fi
grep -q "Input/output error" "$log" || fail "the log does not say it: $(cat "$log")"
umount "$mnt"
wait_for_daemon_end
