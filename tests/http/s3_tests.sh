#!/usr/bin/env bash
# The public suite of Ceph (github.com/ceph/s3-tests), which lies outside this repository: CIAOS_S3_TESTS is where.
#
# Left out is what it has for things that no version of S3's API asks of a store: Ceph's own bucket logging, tiers in clouds, and
# lifecycles, whose tests wait for days of a clock of Ceph's. doc/s3.md says why what fails fails. CIAOS_S3_TESTS_PYTHON names
# a python3 with boto3, pytest and what else requirements.txt of the suite has; CIAOS_S3_TESTS_REPORT takes what pytest says, and
# CIAOS_S3_TESTS_OPTIONS are more of its options, such as -n 3. It takes a quarter of an hour.
. "$(dirname "$0")/../sidecar/_sidecar.sh"
[ -n "${CIAOS_S3_TESTS:-}" ] || skip "CIAOS_S3_TESTS does not say where the suite is"
python=${CIAOS_S3_TESTS_PYTHON:-python3}
"$python" -c 'import boto3, pytest, munch, lxml, isodate, httplib2, pytz, requests' 2>/dev/null ||
  skip "$python lacks what the suite needs"
passed_min=500

format_store
(
  umask 077
  cat >"$scratch/keys" <<'KEYS'
MAINKEY main-secret main
ALTKEY alt-secret alt
TENANTKEY tenant-secret tenant
KEYS
  for name in testkey-1 testkey-2; do echo "$name $(head -c 32 /dev/urandom | base64)"; done >"$scratch/encryption-keys"
)
start_sidecar --keys "$scratch/keys" --encryption-keys "$scratch/encryption-keys"
{
  printf '[DEFAULT]\nhost = %s\nport = %s\nis_secure = False\n' "${sidecar%:*}" "${sidecar##*:}"
  printf '[fixtures]\nbucket prefix = t-{random}-\n'
  for user in main alt tenant; do
    printf '[s3 %s]\nuser_id = %s\ndisplay_name = %s\nemail = %s@example.com\naccess_key = %sKEY\nsecret_key = %s-secret\n' \
      "$user" "$user" "$user" "$user" "${user^^}" "$user"
    [ "$user" != main ] || printf 'kms_keyid = testkey-1\nkms_keyid2 = testkey-2\n'
    [ "$user" != tenant ] || echo 'tenant = other'
  done
  for section in iam 'iam root' 'iam alt root'; do
    printf '[%s]\nuser_id = nobody\ndisplay_name = nobody\nemail = nobody@example.com\naccess_key = NOKEY\nsecret_key = no\n' \
      "$section"
  done
} >"$scratch/s3tests.conf"

report=${CIAOS_S3_TESTS_REPORT:-$scratch/report}
(
  cd "$CIAOS_S3_TESTS"
  # The library that boto3 signs with where it finds it refuses to sign what some of the tests want signed.
  # shellcheck disable=SC2086
  S3TEST_CONF=$scratch/s3tests.conf AWS_MAX_ATTEMPTS=1 BOTO_DISABLE_CRT=true PYTHONDONTWRITEBYTECODE=1 \
    "$python" -m pytest -q -p no:cacheprovider --tb=short ${CIAOS_S3_TESTS_OPTIONS:-} \
    -m 'not bucket_logging and not lifecycle and not lifecycle_expiration and not cloud_transition and not cloud_restore' \
    s3tests/functional/test_s3.py s3tests/functional/test_headers.py
) >"$report" 2>&1 || true
tail -n 1 "$report"
passed=$(sed -n 's/.* \([0-9]*\) passed.*/\1/p;s/^\([0-9]*\) passed.*/\1/p' "$report" | tail -n 1)
[ "${passed:-0}" -ge "$passed_min" ] || fail "${passed:-0} tests pass, at least $passed_min have to"
stop_sidecar
kill "$(daemon_pid)"
wait_for_daemon_end
check_store
