#!/usr/bin/env bash
# statx(2) tells when a file was made (P19), beside everything that stat(2) tells.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool stat touch

format_store --volume-size 64M
mount_store
born() { stat -c %.9W "$1"; }
echo text >"$mnt/file"
mknod "$mnt/null" c 1 3
made=$(born "$mnt/file")
[ "${made%.*}" -gt 1600000000 ] || fail "no time of birth: $made"

say "nothing changes it"
touch -d '1990-01-01' "$mnt/file"
chmod 600 "$mnt/file"
echo more >>"$mnt/file"
mv "$mnt/file" "$mnt/moved"
[ "$(born "$mnt/moved")" = "$made" ] || fail "the time of birth changed"
unmount_store
mount_store
[ "$(born "$mnt/moved")" = "$made" ] || fail "a remount changed the time of birth"

say "and the rest is what it was"
[ "$(stat -c '%s %a %h %F' "$mnt/moved")" = '10 600 1 regular file' ] || fail "$(stat -c '%s %a %h %F' "$mnt/moved")"
[ "$(stat -c '%t:%T %F' "$mnt/null")" = '1:3 character special file' ] || fail "$(stat -c '%t:%T %F' "$mnt/null")"
[ "$(stat -c %i "$mnt/moved")" = "$(find "$mnt/moved" -printf %i)" ] || fail "another inode number"
unmount_store
