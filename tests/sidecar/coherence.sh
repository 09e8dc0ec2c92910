#!/usr/bin/env bash
# Mount, native API and S3 show the same at every moment. By hand it runs for longer: CIAOS_STEPS=20000, CIAOS_SEED=N.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3

seed=${CIAOS_SEED:-$RANDOM}
say "seed $seed"
format_store --volume-size 64M
mount_store
start_sidecar --no-auth
python3 "$(dirname "$0")/_coherence.py" "$sidecar" "$mnt" "$seed" "${CIAOS_STEPS:-400}"
stop_sidecar
unmount_store
check_store
