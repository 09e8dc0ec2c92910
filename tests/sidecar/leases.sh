#!/usr/bin/env bash
# A sidecar without rights reads volumes that it was handed, for reading only.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3 curl setpriv
sidecar_as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
"${sidecar_as[@]}" test -x "$CIAOSFS_BIN/ciaos-sidecar" || skip "others may not run what was built"

# Descriptors of volumes that the sidecar has.
open_volumes() { find "/proc/$sidecar_pid/fd" -lname "$store/volumes/*" 2>/dev/null; }
get() { curl -sf "http://$sidecar/bucket/$1" | cmp - "$2" || fail "$1 is something else over HTTP"; }

format_store --volume-size 64M
mount_store -o socket_user=nobody
mkdir "$mnt/bucket"
head -c 100000 /dev/urandom >"$scratch/small"
head -c 5000000 /dev/urandom >"$scratch/large"
cp "$scratch/small" "$scratch/large" "$mnt/bucket"
python3 -c 'import os, sys; os.fsync(os.open(sys.argv[1], os.O_RDONLY))' "$mnt/bucket/large"

start_sidecar --no-auth
say "nobody's process reads root's volumes"
[ "$(stat -c %U "/proc/$sidecar_pid")" = nobody ] || fail "the sidecar runs as $(stat -c %U "/proc/$sidecar_pid")"
get small "$scratch/small"
get large "$scratch/large"
get small "$scratch/small"
[ -n "$(open_volumes)" ] || fail "the bytes came another way"
for descriptor in $(open_volumes); do
  flags=$(awk '/^flags:/ { print $2 }' "/proc/$sidecar_pid/fdinfo/${descriptor##*/}")
  [ $((8#${flags} & 3)) = 0 ] || fail "it could write: $flags"
done

say "what changes on the mount is seen by the next GET"
for number in $(seq 50); do
  echo "$number" >"$mnt/bucket/small"
  [ "$(curl -s "http://$sidecar/bucket/small")" = "$number" ] || fail "GET $number is stale"
done

say "killed while it reads; the mount does not notice"
curl -s "http://$sidecar/bucket/large" -o "$scratch/answer" --limit-rate 100k &
reading=$!
kill -9 "$sidecar_pid"
wait "$sidecar_pid" || true
wait "$reading" || true
cmp "$mnt/bucket/large" "$scratch/large"
unmount_store
check_store

say "of a raw device, nothing is handed out"
format_loop_store 256M
mount_store -o socket_user=nobody
mkdir "$mnt/bucket"
cp "$scratch/large" "$mnt/bucket"
start_sidecar --no-auth
get large "$scratch/large"
[ -z "$(find "/proc/$sidecar_pid/fd" -lname "$loop_device")" ] || fail "it has the device"
stop_sidecar
unmount_store
check_store
