#!/usr/bin/env bash
# How many requests each thing costs that programs do with files. One more than here is a slower filesystem.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3

log=$scratch/log
daemon=''

serve() {
  rm -f "$log"  # else the words of the one before might be taken for those of this one
  "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" -f -o "debug${1:+,$1}${CIAOS_MOUNT_OPTIONS:+,$CIAOS_MOUNT_OPTIONS}" \
    </dev/null >"$log" 2>&1 &
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    if grep -qs 'is mounted on' "$log"; then
      daemon=$(daemon_pid)
      return 0
    fi
    sleep 0.1
  done
  fail "no mount: $(cat "$log")"
}

format_store --volume-size 64M
serve ''
say "read-write"
python3 "$(dirname "$0")/_requests.py" "$mnt" "$daemon" "$log" read-write
unmount_store
serve ro
say "read-only"
python3 "$(dirname "$0")/_requests.py" "$mnt" "$daemon" "$log" read-only
unmount_store
serve ro,open=cached
say "read-only, with opens"
python3 "$(dirname "$0")/_requests.py" "$mnt" "$daemon" "$log" read-only-with-opens
unmount_store
serve open=none
say "read-write, without opens"
python3 "$(dirname "$0")/_requests.py" "$mnt" "$daemon" "$log" read-write-without-opens
unmount_store
check_store
