#!/usr/bin/env bash
# The page's questions, asked by those who should get no answer: without a token, with a forged one, from elsewhere, of others' objects.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl ip
python3 -c 'import boto3' 2>/dev/null || skip "there is no boto3"

status() { curl -s -o "$scratch/answer" -w '%{http_code}' "$@"; }
expect_status() {
  local wanted=$1 got
  shift
  got=$(status "$@")
  [ "$got" = "$wanted" ] || fail "$* is $got instead of $wanted: $(cat "$scratch/answer")"
}
has_status() { [ "$(status "${@:2}")" = "$1" ]; }

format_store --volume-size 64M
mount_store
mkdir "$mnt/made-on-the-mount"
keys=$scratch/keys
(umask 077; printf 'ALICEKEY alice-secret alice\nBOBKEY bob-secret bob\n' >"$keys")
start_sidecar --keys "$keys"

say "tokens, tickets, rights, names and types"
python3 "$(dirname "$0")/_page_guests.py" "$sidecar" "$mnt" "$scratch/tokens"
alice=$(sed -n 1p "$scratch/tokens")
bob=$(sed -n 2p "$scratch/tokens")

say "who is disabled is out"
expect_status 200 -H "Authorization: $bob" "http://$sidecar/_ui/api/figures"
"$CIAOSFS_BIN/ciaosctl" user disable --keys "$keys" bob
kill -HUP "$sidecar_pid"
wait_until has_status 401 -H "Authorization: $bob" "http://$sidecar/_ui/api/figures"
expect_status 200 -H "Authorization: $alice" "http://$sidecar/_ui/api/figures"

say "without a daemon there are no figures, and no errors of another kind; then there are again"
kill_daemon
now_is() { curl -s -H "Authorization: $alice" "http://$sidecar/_ui/api/figures" | python3 -c "import json, sys; sys.exit(not ((json.load(sys.stdin)['now'] is None) == $1))"; }
wait_until now_is True
expect_status 503 -H "Authorization: $alice" "http://$sidecar/_ui/api/volumes"
expect_status 503 -H "Authorization: $alice" "http://$sidecar/_ui/api/buckets"
mount_store
wait_until now_is False
expect_status 200 -H "Authorization: $alice" "http://$sidecar/_ui/api/buckets"
stop_sidecar

say "a secret does not travel where others could read it"
address=$(ip -o -4 addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
if [ -n "$address" ]; then
  # The option that is given last counts.
  start_sidecar --keys "$keys" --listen 0.0.0.0:0
  expect_status 403 -u ALICEKEY:alice-secret "http://$address:${sidecar##*:}/_ui/api/session"
  grep -q TLS "$scratch/answer" || fail "it does not say what would help: $(cat "$scratch/answer")"
  expect_status 200 -u ALICEKEY:alice-secret "http://127.0.0.1:${sidecar##*:}/_ui/api/session"
  stop_sidecar
else
  say "passed over: this machine has no other address"
fi

say "without authentication: to names of this machine only"
start_sidecar --no-auth
for name in localhost 127.0.0.1 "localhost:${sidecar##*:}" '[::1]'; do
  expect_status 200 -H "Host: $name" "http://$sidecar/_ui/api/buckets"
done
for name in rebound.example "rebound.example:${sidecar##*:}" 10.0.0.1 127.0.0.1.rebound.example; do
  expect_status 403 -H "Host: $name" "http://$sidecar/_ui/api/buckets"
  expect_status 403 -H "Host: $name" "http://$sidecar/_ui/object/alices/page.html"
done
expect_status 200 "http://$sidecar/_ui/object/alices/page.html"
stop_sidecar
unmount_store
check_store
