#!/usr/bin/env bash
# Requests over io_uring: under more load than there is room in the rings, when the mount ends under it, when the daemon dies.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
switch=/sys/module/fuse/parameters/enable_uring
[ -w $switch ] || skip "this kernel's FUSE has no rings"

log=$scratch/log
was=$(cat $switch)
restore() {
  local status=$?
  set +e
  echo "$was" >$switch
  (exit $status)
  leave_nothing
}
trap restore EXIT

serve() {
  rm -f "$log"  # else the words of the one before might be taken for those of this one
  "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" -f -o "$1" </dev/null >"$log" 2>&1 &
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    if grep -qs 'is mounted on' "$log"; then return 0; fi
    sleep 0.1
  done
  fail "no mount: $(cat "$log")"
}
says() { grep -q "$1" "$log" || fail "the log does not say '$1': $(cat "$log")"; }

# Many more at once than the rings have places for: each writes, makes durable, reads back and removes.
worker() {
  local round file=$mnt/load/$1
  for ((round = 0; round < $2; round++)); do
    dd if=/dev/urandom of="$file.new" bs=70000 count=1 conv=fsync status=none || return 1
    mv "$file.new" "$file.old" && cmp -s "$file.old" "$file.old" && ls "$mnt/load" >/dev/null || return 1
    rm "$file.old" || return 1
  done
}
workers=()
start_workers() {
  local number
  workers=()
  mkdir -p "$mnt/load"
  for ((number = 0; number < 40; number++)); do
    worker "$number" "$1" 2>/dev/null &
    workers+=($!)
  done
}
wait_for_workers() {
  local pid failed=0
  for pid in "${workers[@]}"; do wait "$pid" || failed=$((failed + 1)); done
  echo "$failed of ${#workers[@]} workers failed"
  return $((failed > 0))
}

format_store --volume-size 64M
say "who wants none gets none"
serve rings=off
says 'requests come by /dev/fuse'
unmount_store
if [ "$was" = N ]; then
  serve rings=auto
  says 'requests come by /dev/fuse: .*switch'
  unmount_store
fi

say "forty at once"
serve rings=on
says 'requests come through [0-9]* rings'
[ "$(cat $switch)" = Y ] || fail "rings=on did not turn the kernel's switch"
start_workers 2
wait_for_workers || fail "somebody's work failed"
[ -z "$(ls "$mnt/load")" ] || fail "something was left"

say "a quick answer is not kept waiting by slow ones"
echo text >"$mnt/quick"
start_workers 2
for ((round = 0; round < 200; round++)); do [ "$(cat "$mnt/quick")" = text ] || fail "wrong text"; done
wait_for_workers || fail "somebody's work failed"

say "SIGTERM under load"
start_workers 1000
cat "$mnt/quick"
kill "$(daemon_pid)"
wait_for_daemon_end
wait_for_workers && fail "the load ended before the mount"
check_store

say "kill -9 under load"
serve rings=on
echo durable >"$mnt/durable"
sync "$mnt/durable"
start_workers 1000
cat "$mnt/quick"
kill_daemon
wait_for_workers && fail "the load ended before the daemon"
serve rings=on
[ "$(cat "$mnt/durable")" = durable ] || fail "what was synced is gone"

say "a program that has a file open when the mount ends"
exec 3<"$mnt/durable"
umount -l "$mnt"
[ "$(cat <&3)" = durable ] || fail "an open file cannot be read any more"
exec 3<&-
wait_for_daemon_end
check_store
