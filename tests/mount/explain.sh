#!/usr/bin/env bash
# ciaosctl explain names what holds a job up, where that was put there: a job that computes, and one that syncs. (Slow devices,
# one reader and small caches are put below an engine in tests/tools/verdict_test.cc.)
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3

load_pid=''
leave_more() { [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null; }
# under_load SECONDS PYTHON [everybody]: the verdict on what it does, or on what is done on the whole mount.
under_load() {
  local tenths
  rm -f "$mnt/begun"
  python3 -c "import sys
open(sys.argv[1] + '/begun', 'w').close()
$2" "$mnt" >/dev/null &
  load_pid=$!
  for ((tenths = 0; tenths < 300; tenths++)); do
    [ ! -e "$mnt/begun" ] || break
    sleep 0.1
  done
  local whom=("$load_pid" --store "$mnt")
  [ -z "${3:-}" ] || whom=("$mnt")
  "$CIAOSFS_BIN/ciaosctl" explain "${whom[@]}" --seconds "$1" --json >"$scratch/said"
  kill "$load_pid"
  wait "$load_pid" 2>/dev/null || true
  load_pid=''
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["verdict"]["bottleneck"])' "$scratch/said"
}
expect() { [ "$1" = "$2" ] || fail "the verdict is $1 and not $2: $(cat "$scratch/said")"; }

format_store --volume-size 32M
mount_store
mkdir "$mnt/0"

say "a job that computes"
expect "$(under_load 1 'import os, sys
number = 0
while True:
    number += sum(range(200000)) % 7 + 1
    os.access(f"{sys.argv[1]}/0/never-there-{number}", os.F_OK)')" job

say "a job that syncs, by its number and by the mount"
syncing='import os, sys
fd = os.open(sys.argv[1] + "/synced", os.O_RDWR | os.O_CREAT)
while True:
    os.pwrite(fd, os.urandom(100), 0)
    os.fsync(fd)'
expect "$(under_load 1.5 "$syncing")" sync
expect "$(under_load 1.5 "$syncing" everybody)" sync

unmount_store
