#!/usr/bin/env bash
# kill -9 of the sidecar, then of the daemon, while objects are put: what was acknowledged is there, whole.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl

verify() {
  [ "$(wc -l <"$scratch/acknowledged")" -gt 20 ] || fail "too few PUTs to tell anything: $(wc -l <"$scratch/acknowledged")"
  python3 - "$mnt/kept" "$scratch/acknowledged" <<'PYTHON'
import sys
with open(sys.argv[2], encoding="ascii") as lines:
    for line in lines:
        key, repeats = line.split()
        with open(f"{sys.argv[1]}/{key}", "rb") as file:
            assert file.read() == key.encode() * int(repeats), key
PYTHON
}

# Until some objects below $1 are there; how long that takes is the machine's.
wait_for_objects() {
  local tenths
  for ((tenths = 0; tenths < 600; tenths++)); do
    [ "$(find "$mnt/kept/$1" -type f 2>/dev/null | wc -l)" -lt 100 ] || return 0
    sleep 0.1
  done
  fail "no objects come"
}

format_store --volume-size 64M
mount_store
start_sidecar --no-auth
curl -sf -X PUT "http://$sidecar/kept"

say "the sidecar is killed"
python3 "$(dirname "$0")/_put_until_it_ends.py" "$sidecar" first >"$scratch/acknowledged" &
putting=$!
wait_for_objects first
kill -9 "$sidecar_pid"
wait "$sidecar_pid" || true
wait "$putting"
verify
[ -z "$(find "$mnt/kept" -name '*.tmp')" ] || fail "something unfinished is shown"

say "the daemon is killed"
start_sidecar --no-auth
python3 "$(dirname "$0")/_put_until_it_ends.py" "$sidecar" second >"$scratch/acknowledged" &
putting=$!
wait_for_objects second
kill_daemon
wait "$putting"
mount_store
verify
[ "$(curl -s -o /dev/null -w '%{http_code}' "http://$sidecar/kept/first/0/0")" = 200 ] || fail "the sidecar did not come back"
stop_sidecar
unmount_store
check_store
