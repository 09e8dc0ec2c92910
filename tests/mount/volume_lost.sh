#!/usr/bin/env bash
# A volume file that is missing or too short costs what lay in it, no more, and each file that lost something is named.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse

files=200

# Every file reads as it was or says that it cannot; the names of those that cannot go into $scratch/unreadable.
read_what_is_left() {
  local number
  : >"$scratch/unreadable"
  for number in $(seq 1 "$files"); do
    if cat "$mnt/$number" >"$scratch/out" 2>"$scratch/error"; then
      cmp "$scratch/out" "$scratch/copies/$number"
    else
      grep -q "Structure needs cleaning" "$scratch/error" || fail "$number: $(cat "$scratch/error")"
      echo "/$number" >>"$scratch/unreadable"
    fi
  done
  sort -o "$scratch/unreadable" "$scratch/unreadable"
}
# What fsck names is exactly that; it changes nothing.
fsck_names_them() {
  local code=0
  "$CIAOSFS_BIN/fsck.ciaos" -n -f --check-data "$store" >"$scratch/fsck.out" || code=$?
  [ "$code" = 4 ] || fail "fsck.ciaos -n ended with $code: $(cat "$scratch/fsck.out")"
  sed -n 's/^5-..: "\(.*\)" (inode .*/\1/p' "$scratch/fsck.out" | sort -u | diff - "$scratch/unreadable" ||
    fail "fsck names others: $(cat "$scratch/fsck.out")"
}
unreadable() { wc -l <"$scratch/unreadable"; }

format_store --volume-size 8M
mount_store
mkdir "$scratch/copies"
for number in $(seq 1 "$files"); do head -c $((number * 997 + 1)) /dev/urandom >"$scratch/copies/$number"; done
cp "$scratch"/copies/* "$mnt"
unmount_store
second=$store/volumes/$(find "$store/volumes" -type f -printf '%f\n' | sort -n | sed -n 2p)
cp "$second" "$scratch/whole"

say "half a volume file"
truncate -s 4001000 "$second"
mount_store -o scrub=1G,scrub_interval=0
wait_until grep -q 'scrub_rounds [2-9]' "$mnt/.ciaos/stats"
read_what_is_left
half=$(unreadable)
((half > 0 && half < files / 4)) || fail "$half files cannot be read"
tail -n +2 "$mnt/.ciaos/damaged" | cut -f 10 | sort -u | diff - "$scratch/unreadable" || fail "others are listed as damaged"
cp "$scratch/copies/1" "$mnt/written"
unmount_store
mount_store
cmp "$mnt/written" "$scratch/copies/1"
rm "$mnt/written"
unmount_store
fsck_names_them

say "rebuilt from what is left"
delete_index
mount_store
read_what_is_left
[ "$(unreadable)" = "$half" ] || fail "$(unreadable) files cannot be read, not $half"
unmount_store

say "none of it"
rm "$second"
if "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" </dev/null 2>"$scratch/out"; then fail "a store without one of its volumes is mounted"; fi
grep -q "volume .* is missing" "$scratch/out" || fail "$(cat "$scratch/out")"
mount_store -o "ro,scratch=$scratch"
read_what_is_left
(($(unreadable) > half && $(unreadable) < files - 50)) || fail "$(unreadable) files cannot be read"
unmount_store
fsck_names_them

say "too short where the log goes on: what was there is not known, so nothing is believed"
cp "$scratch/whole" "$second"
last=$store/volumes/$(find "$store/volumes" -type f -printf '%f\n' | sort -n | tail -n 1)
for size in 8388000 4096 0; do
  cp "$last" "$scratch/last"
  truncate -s "$size" "$last"
  if "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" </dev/null 2>"$scratch/out"; then fail "a store whose log was cut to $size is mounted"; fi
  grep -q 'cut short' "$scratch/out" || fail "at $size: $(cat "$scratch/out")"
  code=0
  "$CIAOSFS_BIN/fsck.ciaos" -n "$store" >"$scratch/fsck.out" 2>&1 || code=$?
  [ "$code" = 4 ] && grep -q 'cut short' "$scratch/fsck.out" || fail "fsck at $size: $code: $(cat "$scratch/fsck.out")"
  cp "$scratch/last" "$last"
done

say "back again"
cp "$scratch/whole" "$second"
mount_store
read_what_is_left
[ "$(unreadable)" = 0 ] || fail "$(cat "$scratch/unreadable")"
unmount_store
check_store
