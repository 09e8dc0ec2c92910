#!/usr/bin/env bash
# The filesystem below a store is shut down under load, without flushing its log, as a power cut would leave it; and it fills up.
# What was acknowledged is there afterwards.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 mkfs.xfs losetup

ledger=$(dirname "$0")/_ledger.py
books=$scratch/books

make_host
store=$host/store
format_store --volume-size 8M

for round in 1 2; do
  say "round $round: the host goes down under load"
  mount_logged -o commit=1,compact=1G
  if [ -e "$books" ]; then python3 "$ledger" verify "$mnt" "$books"; fi
  python3 "$ledger" load "$mnt" "$books" 20 &
  loader=$!
  sleep 3
  shut_host_down
  wait "$loader" || fail "wrong bytes while the host went down"
  unhear_the_end "$books"
  grep -qi "read-only\|no more changes\|Input/output error" "$log" || fail "the log does not say it: $(cat "$log")"
  umount -l "$mnt"
  wait_for_daemon_end
  umount "$host"
  mount_host
done
mount_logged
python3 "$ledger" verify "$mnt" "$books"

# What others take of the host was promised to nobody, so a store may have to stop; then it says why.
say "the host is full: new data is refused where it is written, deletions are not, and nothing acknowledged is lost"
head -c 1000000 /dev/urandom >"$mnt/victim"
fallocate -l "$(($(df -B1 --output=avail "$host" | tail -1) - 3000000))" "$host/ballast"
# How long what volumes there are takes new data depends on the machine.
for _ in {1..8}; do
  python3 "$ledger" load "$mnt" "$books" 4 | tee "$scratch/full"
  if grep -q 'refused [1-9]' "$scratch/full"; then break; fi
done
grep -q 'refused [1-9]' "$scratch/full" || fail "nothing was refused on a full host"
rm "$mnt/victim" 2>"$scratch/refusal" || grep -q "No space left on device" "$log" ||
  fail "neither deleted nor said why: $(cat "$scratch/refusal" "$log")"
cat "$log"
kill_daemon
rm "$host/ballast"
mount_logged
python3 "$ledger" verify "$mnt" "$books"
echo "room again" >"$mnt/new"
unmount_store
check_store
