#!/usr/bin/env bash
# An object that is put in parts, many at once, and got the same way: the bytes are those of the file on the mount, and neither
# daemon nor sidecar holds them in memory. CIAOS_LARGE_MIB is its size; 5120 needs 16 GiB of disk and some minutes.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3
mib=${CIAOS_LARGE_MIB:-200}
resident_mib_max=600

format_store --volume-size 1G
mount_store
start_sidecar --no-auth
export HOME=$scratch AWS_ACCESS_KEY_ID=ANYKEY AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1 RCLONE_CONFIG=/dev/null
unset AWS_CA_BUNDLE AWS_PROFILE
# Four parts at once, of 8 MiB each.
if command -v aws >/dev/null; then
  printf '[default]\ns3 =\n  max_concurrent_requests = 4\n' >"$scratch/aws.conf"
  export AWS_CONFIG_FILE=$scratch/aws.conf
  copy() { aws --endpoint-url "http://$sidecar" s3 cp --quiet "$@"; }
elif command -v rclone >/dev/null; then
  copy() {
    rclone --s3-provider Other --s3-endpoint "http://$sidecar" --s3-env-auth --s3-upload-cutoff 8M --s3-chunk-size 8M --log-level ERROR \
      copyto "${1/s3:\/\//:s3:}" "${2/s3:\/\//:s3:}"
  }
else
  skip "there is neither aws nor rclone"
fi
mkdir "$mnt/large"
# No part is like another, and the last one is short.
python3 - "$scratch/source" "$mib" <<'PYTHON'
import os, sys
block = os.urandom(1 << 20)
with open(sys.argv[1], "wb") as file:
    for number in range(int(sys.argv[2])):
        file.write(number.to_bytes(8, "little") + block[8:])
    file.write(b"the end")
PYTHON

say "$mib MiB up"
copy "$scratch/source" s3://large/object
cmp "$scratch/source" "$mnt/large/object" || fail "the mount has something else"
say "and down"
copy s3://large/object "$scratch/back"
cmp "$scratch/source" "$scratch/back" || fail "something else came back"
for process in "$sidecar_pid" "$(daemon_pid)"; do
  resident_mib=$(($(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$process/status") / 1024))
  say "at most $resident_mib MiB of memory for process $process"
  [ "$resident_mib" -le "$resident_mib_max" ] || fail "$resident_mib MiB is more than $resident_mib_max"
done

say "after kill -9, with the index gone"
rm "$scratch/back"
stop_sidecar
kill_daemon
delete_index
mount_store
cmp "$scratch/source" "$mnt/large/object" || fail "the mount has something else"
unmount_store
check_store
