#!/usr/bin/env bash
# Clients that mean no good, and a store that is full in the middle of a PUT. No mount is needed for that.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl losetup

format_loop_store 512M
ulimit -n 16384 2>/dev/null || true
start_sidecar --no-auth
python3 "$(dirname "$0")/_hostile.py" "$sidecar" "$sidecar_pid"

say "a full store refuses a PUT as a whole, and goes on serving"
status=$(head -c 700M /dev/zero | tr '\0' 'x' |
  curl -s -o "$scratch/answer" -w '%{http_code}' -T - -H 'Expect:' "http://$sidecar/hostile/large" || true)
[ "$status" = 507 ] || fail "the answer is $status: $(cat "$scratch/answer")"
[ "$(curl -s -o "$scratch/answer" -w '%{http_code}' "http://$sidecar/hostile/large")" = 404 ] || fail "half of it is there"
[ "$(curl -s -o "$scratch/answer" -w '%{http_code}' -T /etc/hostname "http://$sidecar/hostile/small")" = 200 ] ||
  fail "nothing small can be put afterwards: $(cat "$scratch/answer")"
[ "$(curl -s -o "$scratch/answer" -w '%{http_code}' -X DELETE "http://$sidecar/hostile/small")" = 204 ] || fail "no DELETE"

stop_sidecar
kill "$(daemon_pid)"
wait_for_daemon_end
"$CIAOSFS_BIN/fsck.ciaos" -n --index "$index" "$store" || fail "fsck.ciaos -n: exit code $?"
