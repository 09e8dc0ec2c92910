#!/usr/bin/env bash
# Policies, public access blocks, CORS, forms of browsers and encryption, as boto3 and plain HTTP ask for them; and all of it
# again once the index was rebuilt from the volumes, which have to hold what was set.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
python=python3
for candidate in python3 /usr/bin/python3; do
  ! "$candidate" -c 'import boto3' 2>/dev/null || python=$candidate
done
"$python" -c 'import boto3' 2>/dev/null || skip "there is no boto3"

format_store --volume-size 64M
mount_store
(
  umask 077
  printf 'ALICEKEY alice-secret alice\nBOBKEY bob-secret bob\n' >"$scratch/keys"
  for name in first second; do echo "$name $(head -c 32 /dev/urandom | base64)"; done >"$scratch/encryption-keys"
)
sidecar_of_all() { start_sidecar --keys "$scratch/keys" --encryption-keys "$scratch/encryption-keys"; }
ask() { "$python" "$(dirname "$0")/_s3_rights.py" "$sidecar" "$mnt" "$scratch/remembered" "$1"; }

sidecar_of_all
ask first

say "after kill -9, with the index gone"
stop_sidecar
kill_daemon
delete_index
mount_store
sidecar_of_all
ask again

stop_sidecar
unmount_store
check_store
