#!/usr/bin/env bash
# Every verb of ciaosctl on a store that is in use: load goes on while they run, and what they say is compared with what the
# mount shows.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 setpriv

socket=$scratch/socket
ctl() { "$CIAOSFS_BIN/ciaosctl" --store "$socket" "$@"; }
on_mount() { "$CIAOSFS_BIN/ciaosctl" "$@"; }
# json 'PYTHON EXPRESSION' ARGUMENT...: whether it holds of `it`, what the verb prints as JSON.
json() {
  local expression=$1
  shift
  "$@" --json >"$scratch/json" || fail "$*: exit code $?"
  python3 -c 'import json, sys; it = json.loads(open(sys.argv[1]).read()); sys.exit(0 if eval(sys.argv[2]) else 1)' \
    "$scratch/json" "$expression" || fail "$*: not $expression: $(cat "$scratch/json")"
}
# exits CODE COMMAND...
exits() {
  local expected=$1 code=0
  shift
  "$@" >"$scratch/out" 2>&1 || code=$?
  [ "$code" = "$expected" ] || fail "$*: exit code $code and not $expected: $(cat "$scratch/out")"
}

load_pid=''
# It ends between two programs, so that none is left on the mount.
stop_load() {
  rm -f "$scratch/loading"
  [ -z "$load_pid" ] || wait "$load_pid"
  load_pid=''
}
leave_more() { stop_load; }

format_store -L pictures --volume-size 8M
mount_store -o "socket=$socket,commit=1"
mkdir "$mnt/data" "$mnt/tree"
for number in $(seq 1 60); do head -c $((number * 5003)) /dev/urandom >"$mnt/data/$number"; done
make_durable
touch "$scratch/loading"
(
  while [ -e "$scratch/loading" ]; do
    for number in $(seq 41 60); do
      head -c 30000 /dev/zero >"$mnt/load$number"
      cat "$mnt/data/$number" >/dev/null
    done
    rm "$mnt"/load*
  done
) 2>/dev/null &
load_pid=$!

say "status, by every way to the daemon, on paper and as JSON"
ctl status >"$scratch/status"
grep -q '^health *ok' "$scratch/status" || fail "$(cat "$scratch/status")"
grep -q pictures "$scratch/status" || fail "$(cat "$scratch/status")"
if grep -q "$(printf '\033')" "$scratch/status"; then fail "colours without a terminal"; fi
json 'it["health"]["state"] == "ok" and it["space"]["inodes"] > 60 and it["log"]["commits"] > 0' ctl status
json "it['daemon']['mountpoint'] == '$mnt' and it['daemon']['pid'] == $(daemon_pid)" ctl status
exits 3 on_mount status "$scratch/nothing"
exits 2 on_mount status --no-such-option
exits 2 on_mount no-such-verb

say "volumes, and what info says of a file"
json 'len(it) > 0 and all(v["state"] in ("open", "sealed") for v in it)' ctl volumes
[[ $(ctl volumes) == *"$store/volumes"* ]] || fail "$(ctl volumes)"
json 'it["inode"]["size"] == 50030 and sum(e["length"] for e in it["extents"]) == 50030' ctl info /data/10
json "it['inode']['inode'] == $(stat -c %i "$mnt/data/10")" ctl info data/10
# The bytes are where they are said to be.
python3 - "$scratch/json" "$mnt/data/10" <<'PYTHON'
import json, sys
it = json.loads(open(sys.argv[1]).read())
wanted = open(sys.argv[2], "rb").read()
for extent in it["extents"]:
    crcs = 4 * ((extent["payload_bytes"] + 4095) // 4096)
    assert extent["payload_bytes"] < 65536
    with open(extent["device"], "rb") as device:
        device.seek(extent["device_offset"] + 64 + crcs + extent["payload_offset"])
        assert device.read(extent["length"]) == wanted[extent["offset"]:extent["offset"] + extent["length"]], extent
PYTHON
exits 1 ctl info /data/none

say "a needle, and bytes that are none"
read -r volume needle < <(python3 -c 'import json, sys; e = json.loads(open(sys.argv[1]).read())["extents"][0]; print(e["volume"], e["needle"])' "$scratch/json")
json "it['needle']['payload'] == 'verified' and it['named_by'][0]['inode'] == $(stat -c %i "$mnt/data/10")" \
  ctl debug needle "$volume:$needle"
exits 1 ctl debug needle "$volume:$((needle + 8))"
exits 2 ctl debug needle nonsense

say "limits, and what is kept of trees"
ctl quota set /tree --bytes 1M --files 10
head -c 100000 /dev/zero >"$mnt/tree/file"
json 'it == [{"path": "/tree", "inode": it[0]["inode"], "bytes": 100352, "bytes_max": 1048576, "files": 2, "files_max": 10}]' ctl quota list
if head -c 2000000 /dev/zero 2>/dev/null >"$mnt/tree/more"; then fail "the limit does not hold"; fi
rm "$mnt/tree/more"
json 'it[0]["bytes"] == 100352 and it[0]["source"] == "kept"' ctl du /tree
exits 1 ctl du /data
exits 1 ctl quota set /data --bytes 1M
ctl quota remove /tree
exits 2 ctl quota set /tree

say "upkeep"
rm "$mnt"/data/[1-3]*
make_durable
json 'it["damaged"] == 0 and it["read_bytes"] > 0' ctl scrub
json 'it["garbage_bytes"] >= 0' ctl compact --all
[[ $(ctl snapshot-index) == *snapshot* ]] || fail "no snapshot"

say "settings"
json '{"name": "commit", "value": "1", "source": "option", "unit": "seconds"} in it' ctl config
json 'any(s["name"] == "scrub" and s["source"] == "default" for s in it)' ctl config
[ "$(ctl log-level)" = info ] || fail "the level is $(ctl log-level)"
[ "$(ctl log-level debug)" = debug ] || fail "the level did not change"
ctl log-level info >/dev/null

say "what is going on"
json '{o["name"] for o in it["operations"]} >= {"write", "lookup"}' ctl top --seconds 1
python3 -c '
import json, sys
for o in json.loads(open(sys.argv[1]).read())["operations"]:
    assert 0 < o["p50_ns"] <= o["p99_ns"] <= o["max_ns"], o
    assert o["name"] != "write" or o["bytes_per_second"] > 0, o' "$scratch/json" || fail "$(cat "$scratch/json")"
json 'any(p["command"] in ("head", "(have ended)") and p["count"] > 0 for p in it["processes"])' ctl top --seconds 1
ctl top --seconds 0.5 --rounds 2 | grep -c OPERATION | grep -qx 2 || fail "not two rounds"
json 'it["verdict"]["sentence"].endswith(".") and abs(sum(p["permille"] for p in it["parts"]) - 1000) < 20' \
  ctl explain --seconds 1
json 'it["verdict"]["bottleneck"] == "nothing"' ctl explain $$ --seconds 0.2

say "metrics are those of the list"
ctl metrics >"$scratch/metrics"
python3 - "$scratch/metrics" "$(dirname "$0")/../../doc/metrics.md" <<'PYTHON'
import re, sys
text, listed = open(sys.argv[1]).read(), set(re.findall(r"^\| `(ciaosfs_\w+)", open(sys.argv[2]).read(), re.M))
served = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
assert set(served) == listed, set(served) ^ listed
for name, kind in served.items():
    assert f"# HELP {name} " in text and (kind == "counter") == name.endswith("_total"), name
for line in text.splitlines():
    if not line.startswith("#"):
        sample = re.fullmatch(r"(\w+?)(?:_bucket|_sum|_count)?(\{[^}]*\})? [0-9.e+-]+", line)
        assert sample and sample.group(1) in served, line
count = re.search(r'^ciaosfs_operation_seconds_count\{operation="write"\} (\d+)$', text, re.M)
assert count and int(count.group(1)) > 0
PYTHON
if command -v promtool >/dev/null; then promtool check metrics <"$scratch/metrics"; fi

say "a shell completes verbs and options"
[[ $(ctl completion zsh) == '#compdef ciaosctl'* ]] || fail "no completion for zsh"
ctl completion bash >"$scratch/completion"
completions() {
  bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ciaosctl; echo "${COMPREPLY[*]}"' \
    - "$scratch/completion" "$@"
}
[ "$(completions ciaosctl quo)" = quota ] || fail "$(completions ciaosctl quo)"
[ "$(completions ciaosctl quota '')" = "list set remove" ] || fail "$(completions ciaosctl quota '')"
[ "$(completions ciaosctl quota set --by)" = --bytes ] || fail "$(completions ciaosctl quota set --by)"

say "a bundle tells nothing of what is stored"
ctl debug bundle "$scratch/bundle" >/dev/null
[ "$(stat -c %a "$scratch/bundle")" = 600 ] || fail "others may read it"
exits 1 ctl debug bundle "$scratch/bundle"
python3 - "$scratch/bundle" <<'PYTHON'
import json, sys
text = open(sys.argv[1]).read()
it = json.loads(text)
assert it["health"]["state"] == "ok" and it["settings"] and it["volumes"] and it["system"]["kernel"], it.keys()
assert it["process"]["Threads"] and "/data/" not in text.replace("/data/store", ""), text
PYTHON

say "who may"
refused_to_others() {
  chmod 711 "$scratch"
  chmod 666 "$socket"
  exits 3 setpriv --reuid 65534 --regid 65534 --clear-groups "$CIAOSFS_BIN/ciaosctl" --store "$socket" status
}
refused_to_others

stop_load
unmount_store
check_store
exits 3 ctl status

say "where sockets usually are, the mount itself is enough"
mount_store -o socket_user=65534
on_mount status "$mnt" >/dev/null
on_mount status "$store" >/dev/null
json 'it["inode"]["size"] == 200120' on_mount info "$mnt/data/40"
json 'it[0]["source"] == "walked" and it[0]["files"] > 20' on_mount du "$mnt/data"
json 'it[0]["source"] == "kept"' on_mount du "$mnt"
[ "$(on_mount du "$mnt/data" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["bytes"])')" = \
  "$(du -s -B1 "$mnt/data" | cut -f1)" ] || fail "du(1) has another sum"
exits 2 on_mount info "$scratch"
device_reads() { on_mount status "$mnt" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["reads"]["device_reads"])'; }
# Another test may drop the machine's caches in between, and compaction reads too.
for _ in 1 2 3 4 5; do
  echo 3 >/proc/sys/vm/drop_caches
  json 'it["files"] > 20' on_mount warm "$mnt/data"
  before=$(device_reads)
  cat "$mnt"/data/* >/dev/null
  after=$(device_reads)
  [ "$before" != "$after" ] || break
done
[ "$before" = "$after" ] || fail "what was warmed was read again: $before and $after device reads"
# The sidecar's user may speak, of objects.
exits 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$CIAOSFS_BIN/ciaosctl" status "$mnt"
grep -q 'only for root' "$scratch/out" || fail "$(cat "$scratch/out")"
unmount_store

say "slow requests are logged, and not too many"
mount_logged -o slow=1
for number in $(seq 1 12); do dd if=/dev/zero of="$mnt/slow$number" bs=1M count=4 conv=fsync status=none; done
unmount_store
# Which ones were slow is the machine's to say: of a second no more than a few are logged, and on a busy one those may be writes.
grep -Eq 'slow: (fsync|write|create|flush) of inode [0-9]+ by process [0-9]+, [0-9]+ bytes: [0-9]+ ms' "$log" || fail "$(cat "$log")"
