#!/usr/bin/env bash
# Random system calls for some time: by one process on two files, held against bytes in memory, and by many processes on one
# tree; then the same after a clean remount, a killed daemon, and with the index gone.
#
# CIAOS_STRESS_SECONDS says for how long each goes on, CIAOS_SEED repeats what one run did.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3

seconds=${CIAOS_STRESS_SECONDS:-3}
seed=${CIAOS_SEED:-$((RANDOM * 32768 + RANDOM))}
here=$(dirname "$0")

format_store --volume-size 64M
mount_store

say "two files"
mkdir "$mnt/ranges"
python3 "$here/_random_ranges.py" "$mnt/ranges" "${seconds}s" "$seed"

say "eight processes"
python3 "$here/_random_processes.py" run "$mnt/many" 8 "$seconds" "$seed"

say "mounted again"
unmount_store
mount_store
python3 "$here/_random_processes.py" verify "$mnt/many"

say "killed while processes write"
python3 "$here/_random_processes.py" run "$mnt/killed" 8 600 "$seed" >"$scratch/killed" 2>&1 &
writers=$!
sleep "$((seconds / 2 + 1))"
make_durable
kill_daemon
wait "$writers" && fail "processes went on without a daemon"
mount_store
python3 "$here/_random_processes.py" verify "$mnt/many"
unmount_store
check_store

say "rebuilt from the log"
delete_index
mount_store
python3 "$here/_random_processes.py" verify "$mnt/many"
unmount_store
check_store
