#!/usr/bin/env bash
# Holes are found and made, and copies share what they copy: lseek, fallocate and copy_file_range through a mount.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 cp

format_store --volume-size 64M
mount_store

say "what programs do with ranges"
python3 "$(dirname "$0")/_range_operations.py" "$mnt/work" change

say "anything, in any order"
mkdir "$mnt/random"
python3 "$(dirname "$0")/_random_ranges.py" "$mnt/random" 1500

say "cp finds the holes of a sparse file"
truncate -s 1T "$mnt/sparse"
printf 'in the middle' | dd of="$mnt/sparse" bs=1 seek=500G conv=notrunc status=none
cp --sparse=auto "$mnt/sparse" "$mnt/copy"
[ "$(stat -c '%s %b' "$mnt/copy")" = "$(stat -c '%s %b' "$mnt/sparse")" ] || fail "cp filled the holes"
[ "$(dd if="$mnt/copy" bs=1 skip=500G count=13 status=none)" = "in the middle" ] || fail "cp lost the data"

say "killed and mounted again"
make_durable
kill_daemon
mount_store
python3 "$(dirname "$0")/_range_operations.py" "$mnt/work" verify
unmount_store

say "rebuilt from the log"
delete_index
mount_store
python3 "$(dirname "$0")/_range_operations.py" "$mnt/work" verify
unmount_store
check_store
