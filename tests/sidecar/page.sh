#!/usr/bin/env bash
# The page in a browser: figures of a store under load, equal to what ciaosctl says; objects; at two widths, light and dark.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool chromium curl python3

format_store --volume-size 32M
mount_store -o scrub_interval=3600
keys=$scratch/keys
(umask 077; printf 'ALICEKEY alice-secret alice\n' >"$keys")
start_sidecar --keys "$keys"
signed=(--fail -s --aws-sigv4 aws:amz:us-east-1:s3 --user ALICEKEY:alice-secret -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -o "$scratch/out")

say "load: files written, read, overwritten and deleted on the mount, objects put and got"
mkdir "$mnt/photos"
curl "${signed[@]}" -X PUT "http://$sidecar/models"
head -c 3000000 /dev/urandom >"$scratch/model"
for round in 1 2 3; do
  for number in $(seq 40); do
    head -c $((number * 10000)) /dev/urandom >"$mnt/photos/$number"
    [ $((number % 10)) != 0 ] || sync "$mnt/photos/$number"
  done
  for number in $(seq 2 3 40); do rm "$mnt/photos/$number"; done
  for number in $(seq 1 3 40); do dd if="$mnt/photos/$number" of=/dev/null bs=1M iflag=direct status=none; done
  curl "${signed[@]}" -T "$scratch/model" "http://$sidecar/models/$round"
  curl "${signed[@]}" "http://$sidecar/models/$round"
done

CIAOSFS_BIN=$CIAOSFS_BIN python3 "$(dirname "$0")/_page.py" "$sidecar" "$store" "$mnt" "$(daemon_pid)"
stop_sidecar
unmount_store
check_store
