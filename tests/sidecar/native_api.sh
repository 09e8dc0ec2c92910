#!/usr/bin/env bash
# The native API, beside a mount of the same store: vectors, texts, order of checks, and that both show the same at once.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl

format_store --volume-size 64M
mount_store
start_sidecar --no-auth
python3 "$(dirname "$0")/_native_api.py" "$sidecar" "$mnt"

say "what is acknowledged survives a kill of the daemon; meanwhile it is 503, and works again afterwards"
curl -sf -H 'User: bob' --data-binary @<(printf '\x04\x00\x00\x00\xee\xff\xff\xff\x04\x00\x00\x00\x01\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x06\x00\x08\x00\x04\x00\x06\x00\x00\x00\x04\x00\x00\x00\x03\x00\x00\x00abc\x00') \
  "http://$sidecar/put/kept" >/dev/null
kill_daemon
status=$(curl -s -o "$scratch/answer" -w '%{http_code}' -H 'User: bob' "http://$sidecar/get/kept")
[ "$status" = 503 ] || fail "without a daemon the answer is $status"
[ "$(curl -s -o "$scratch/answer" -w '%{http_code}' "http://$sidecar/ready")" = 503 ] || fail "ready without a daemon"
mount_store
status=$(curl -s -o "$scratch/answer" -w '%{http_code}' -H 'User: bob' "http://$sidecar/get/kept")
[ "$status" = 200 ] || fail "with the daemon back the answer is $status"
[ "$(cat "$mnt/bob/kept")" = abc ] || fail "the value is not what was put"

say "a kill of the sidecar is nothing to the mount"
kill -9 "$sidecar_pid"
wait "$sidecar_pid" || true
[ "$(cat "$mnt/bob/kept")" = abc ] || fail "the mount noticed"
start_sidecar --no-auth

say "health and metrics"
[ "$(curl -s "http://$sidecar/health")" = ok ] || fail "not healthy"
curl -s "http://$sidecar/metrics" >"$scratch/metrics"
grep -q '^ciaos_store_up 1$' "$scratch/metrics" || fail "no metrics of the store"
python3 - "$scratch/metrics" "$(dirname "$0")/../../doc/metrics.md" <<'PYTHON'
import re, sys
served = re.findall(r"^# TYPE (\S+) ", open(sys.argv[1]).read(), re.M)
listed = re.findall(r"^\| `(\w+)", open(sys.argv[2]).read(), re.M)
assert sorted(served) == sorted(listed), set(served) ^ set(listed)
PYTHON
if command -v promtool >/dev/null; then curl -s "http://$sidecar/metrics" | promtool check metrics; fi

say "without a mount the sidecar starts a daemon itself"
stop_sidecar
unmount_store
start_sidecar --no-auth
curl -sf -H 'User: bob' "http://$sidecar/get/kept" >"$scratch/answer"
kill "$(daemon_pid)"
wait_for_daemon_end
stop_sidecar
check_store
