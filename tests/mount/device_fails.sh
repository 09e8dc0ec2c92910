#!/usr/bin/env bash
# A device that answers with errors, and one that is gone: the store becomes read-only and says so; what was acknowledged is there
# when the device is back.
#
# The device is a loop device over a file on an XFS that is shut down. One that lies on a full filesystem is no good: the loop
# driver reports a write of which the file took a part as done (seen on Linux 6.18: 307,200 bytes acknowledged and synced,
# 253,952 stored), so that what is acknowledged is lost below.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 mkfs.xfs losetup

ledger=$(dirname "$0")/_ledger.py
books=$scratch/books
make_host
truncate -s 512M "$host/image"
loop_device=$(losetup --find --show "$host/image") || skip "there is no loop device"
store=$loop_device
format_store --index "$index" --volume-size 4M

say "the device fails under load"
mount_logged -o commit=1,compact=0
python3 "$ledger" load "$mnt" "$books" 60 >"$scratch/out" &
loader=$!
sleep 2
shut_host_down
wait "$loader" || fail "$(cat "$scratch/out")"
unhear_the_end "$books"
grep -q 'EROFS\|EIO' "$scratch/out" || fail "the device never failed"
if { echo x >"$mnt/new"; } 2>"$scratch/refusal"; then fail "a store whose device failed takes changes"; fi
grep -q "Read-only file system" "$scratch/refusal" || fail "$(cat "$scratch/refusal")"
grep -q "Input/output error" "$log" || fail "the log does not say it: $(cat "$log")"
umount "$mnt"
wait_for_daemon_end

say "the device is back"
losetup -d "$loop_device"
umount "$host"
mount_host
loop_device=$(losetup --find --show "$host/image")
store=$loop_device
mount_logged -o "index=$index"
python3 "$ledger" verify "$mnt" "$books"
echo "as before" >"$mnt/new"
sync "$mnt/new"

say "the device is gone"
CIAOS_MAY_BE_DAMAGED=1 python3 "$ledger" load "$mnt" "$books" 30 >"$scratch/out" &
loader=$!
sleep 1
truncate -s 0 "$host/image"
wait "$loader" || fail "wrong bytes from a device that is gone: $(cat "$scratch/out")"
if touch "$mnt/newer" 2>/dev/null; then fail "a store whose device is gone takes changes"; fi
grep -q "Input/output error" "$log" || fail "the log does not say it: $(cat "$log")"
umount "$mnt"
wait_for_daemon_end
