#!/usr/bin/env bash
# Files without names (P17), and files that are found by handles alone (P18).
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3

format_store --volume-size 64M
mount_store
python3 "$(dirname "$0")/_unnamed_files.py" "$mnt/work" change

say "mounted again"
unmount_store
mount_store
python3 "$(dirname "$0")/_unnamed_files.py" "$mnt/work" verify

say "killed while one is open"
files() { stat -f -c '%c %d' "$mnt" | { read -r all free && echo $((all - free)); }; }
make_durable
before=$(files)
python3 - "$mnt" <<'PYTHON' &
import os, signal, sys
fd = os.open(sys.argv[1], os.O_TMPFILE | os.O_RDWR)
os.write(fd, b"x" * 100000)
os.fsync(fd)
open(sys.argv[1] + "/ready", "w").close()
signal.pause()
PYTHON
holder=$!
until [ -e "$mnt/ready" ]; do sleep 0.1; done
[ "$(files)" = $((before + 2)) ] || fail "a file without a name is not counted"
make_durable
kill -9 "$(daemon_pid)"
kill "$holder"
wait "$holder" 2>/dev/null || true
wait_for_daemon_end
umount "$mnt"
mount_store
[ "$(files)" = $((before + 1)) ] || fail "a file without a name outlived a crash"
unmount_store
check_store
