#!/usr/bin/env bash
# S3 as its clients speak it, beside a mount of the same store. Clients that this machine lacks are passed over, and said so.
#
# CIAOS_S3_TREE is a folder that is copied with each of them besides the small one that is made here.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl

format_store --volume-size 64M
mount_store
keys=$scratch/keys
(umask 077; printf 'ALICEKEY alice-secret alice\nBOBKEY bob-secret bob\n' >"$keys")
start_sidecar --keys "$keys"

say "nobody without a signature"
[ "$(curl -s -o "$scratch/answer" -w '%{http_code}' "http://$sidecar/")" = 403 ] || fail "a stranger may list"
grep -q '<Code>AccessDenied</Code>' "$scratch/answer" || fail "no error in XML"
status=$(curl -s -o "$scratch/answer" -w '%{http_code}' -H 'User: alice' -H 'Authorization: Bearer BOBKEY' \
  "http://$sidecar/get/x")
[ "$status" = 403 ] || fail "bob's key opens alice's values: $status"
status=$(curl -s -o "$scratch/answer" -w '%{http_code}' -H 'User: alice' -H 'Authorization: Bearer ALICEKEY' \
  "http://$sidecar/get/x")
[ "$status" = 404 ] || fail "alice's key does not open her values: $status"

say "users come, go, and are not asked for twice"
"$CIAOSFS_BIN/ciaosctl" user add --keys "$keys" carol --owner 1234:1235 --file-mode 0600 >"$scratch/carol" 2>/dev/null
carol=$(sed -n 's/^access key *//p' "$scratch/carol")
carols_secret=$(sed -n 's/^secret *//p' "$scratch/carol")
"$CIAOSFS_BIN/ciaosctl" user list --keys "$keys" >"$scratch/list"
grep -q "carol *$carol *enabled" "$scratch/list" || fail "carol is not listed: $(cat "$scratch/list")"
! grep -qF "$carols_secret" "$scratch/list" || fail "the list has secrets"
# Until the sidecar has read the keys again.
carol_gets() {
  local tenths
  kill -HUP "$sidecar_pid"
  for ((tenths = 0; tenths < 100; tenths++)); do
    status=$(curl -s -o /dev/null -w '%{http_code}' -H 'User: carol' -H "Authorization: Bearer $carol" "http://$sidecar/get/x")
    [ "$status" != "$1" ] || return 0
    sleep 0.1
  done
  fail "carol gets $status instead of $1"
}
carol_gets 404
"$CIAOSFS_BIN/ciaosctl" user disable --keys "$keys" carol
carol_gets 403
"$CIAOSFS_BIN/ciaosctl" user rotate --keys "$keys" carol >"$scratch/carol" 2>/dev/null
carol=$(sed -n 's/^access key *//p' "$scratch/carol")
carol_gets 404
curl -s --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$carol:$(sed -n 's/^secret *//p' "$scratch/carol")" \
  -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" -X PUT "http://$sidecar/of-carol" -o /dev/null || fail "carol makes no bucket"
printf 'carols' >"$scratch/value"
curl -s --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$carol:$(sed -n 's/^secret *//p' "$scratch/carol")" \
  -H "x-amz-content-sha256: $(sha256sum <"$scratch/value" | cut -d ' ' -f 1)" -T "$scratch/value" "http://$sidecar/of-carol/key" ||
  fail "carol puts nothing"
[ "$(stat -c '%u:%g %a' "$mnt/of-carol/key")" = '1234:1235 600' ] || fail "whose it is: $(stat -c '%u:%g %a' "$mnt/of-carol/key")"
rm -r "$mnt/of-carol"

ran=0
if python3 -c 'import boto3' 2>/dev/null; then
  python3 "$(dirname "$0")/_s3_boto.py" "$sidecar" "$mnt"
  ran=$((ran + 1))
else
  say "passed over: there is no boto3"
fi

# A tree with names that need escaping, for the clients that copy trees.
mkdir -p "$scratch/tree/deep/er"
head -c 20000000 /dev/urandom >"$scratch/tree/large"
for i in $(seq 30); do head -c $((i * 1000)) /dev/urandom >"$scratch/tree/deep/$i"; done
echo plus >"$scratch/tree/deep/er/a+b c%d&e"
: >"$scratch/tree/empty"
[ -z "${CIAOS_S3_TREE:-}" ] || cp -rL "$CIAOS_S3_TREE" "$scratch/tree/more"
unset AWS_CA_BUNDLE AWS_PROFILE
export HOME=$scratch AWS_ACCESS_KEY_ID=ALICEKEY AWS_SECRET_ACCESS_KEY=alice-secret AWS_DEFAULT_REGION=us-east-1

if command -v aws >/dev/null; then
  say "aws"
  aws() { command aws --endpoint-url "http://$sidecar" "$@"; }
  aws s3 mb s3://with-aws >/dev/null
  aws s3 sync --quiet "$scratch/tree" s3://with-aws/tree
  diff -r "$scratch/tree" "$mnt/with-aws/tree" || fail "aws put something else"
  mkdir "$scratch/back"
  aws s3 sync --quiet s3://with-aws/tree "$scratch/back"
  diff -r "$scratch/tree" "$scratch/back" || fail "aws got something else"
  [ -z "$(aws s3 sync "$scratch/tree" s3://with-aws/tree)" ] || fail "a second sync finds something to do"
  aws s3 rb --force s3://with-aws >/dev/null
  rm -r "$scratch/back"
  ran=$((ran + 1))
else
  say "passed over: there is no aws"
fi

if command -v s3cmd >/dev/null; then
  say "s3cmd"
  s3cmd() {
    command s3cmd --no-ssl --host="$sidecar" --host-bucket="$sidecar" --access_key=ALICEKEY --secret_key=alice-secret \
      --quiet --config=/dev/null "$@"
  }
  s3cmd mb s3://with-s3cmd
  s3cmd sync "$scratch/tree/" s3://with-s3cmd/tree/
  diff -r "$scratch/tree" "$mnt/with-s3cmd/tree" || fail "s3cmd put something else"
  mkdir "$scratch/back"
  s3cmd sync s3://with-s3cmd/tree/ "$scratch/back/"
  diff -r "$scratch/tree" "$scratch/back" || fail "s3cmd got something else"
  s3cmd del --recursive --force s3://with-s3cmd
  s3cmd rb s3://with-s3cmd
  rm -r "$scratch/back"
  ran=$((ran + 1))
else
  say "passed over: there is no s3cmd"
fi

if command -v rclone >/dev/null; then
  say "rclone"
  export RCLONE_CONFIG_CIAOS_TYPE=s3 RCLONE_CONFIG_CIAOS_PROVIDER=Other RCLONE_CONFIG_CIAOS_ENDPOINT="http://$sidecar"
  export RCLONE_CONFIG_CIAOS_ACCESS_KEY_ID=ALICEKEY RCLONE_CONFIG_CIAOS_SECRET_ACCESS_KEY=alice-secret
  export RCLONE_CONFIG="$scratch/rclone.conf" RCLONE_LOG_LEVEL=ERROR
  : >"$RCLONE_CONFIG"
  rclone mkdir ciaos:with-rclone
  rclone copy "$scratch/tree" ciaos:with-rclone/tree
  rclone check "$scratch/tree" ciaos:with-rclone/tree || fail "rclone finds differences"
  diff -r "$scratch/tree" "$mnt/with-rclone/tree" || fail "rclone put something else"
  rclone purge ciaos:with-rclone
  ran=$((ran + 1))
else
  say "passed over: there is no rclone"
fi

[ "$ran" -gt 0 ] || skip "there is no client of S3"
stop_sidecar
unmount_store
check_store
