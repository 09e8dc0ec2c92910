#!/usr/bin/env bash
# fsck.ciaos: exit codes, options as fsck(8) passes them, and that nothing is written.
. "$(dirname "$0")/_tools.sh"

# break_byte FILE OFFSET
break_byte() {
  printf '\xff' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

image store 64M
exits 0 "$mkfs" -q "$scratch/store"
sum=$(sha256sum <"$scratch/store")

exits 0 "$fsck" "$scratch/store"
says 'Pass 6'
says 'clean'
exits 0 "$fsck" -n -f -v -t -r "$scratch/store"
says 'batches replayed'
exits 0 "$fsck" -p "$scratch/store"
[ "$(printf '%s\n' "$out" | grep -c Pass)" = 0 ] || fail "-p is talkative: $out"
exits 0 "$fsck" -a "$scratch/store"
exits 0 "$fsck" -y -f --check-data "$scratch/store"
exits 0 "$fsck" -V
says 'fsck.ciaos '
exits 0 "$fsck" --help
says 'ORed'

# Progress as systemd-fsck reads it: pass, current, maximum, device.
exits 0 bash -c '"$1" -C5 -n "$2" 5>"$3"' - "$fsck" "$scratch/store" "$scratch/progress"
grep -qE "^6 [0-9]+ [0-9]+ $scratch/store\$" "$scratch/progress" || fail "no progress of pass 6: $(cat "$scratch/progress")"
exits 0 "$fsck" -C 0 -n "$scratch/store"
[ "$sum" = "$(sha256sum <"$scratch/store")" ] || fail "a check wrote to the store"

# Usage and operation.
exits 16 "$fsck"
exits 16 "$fsck" --no-such-option "$scratch/store"
exits 16 "$fsck" -n -y "$scratch/store"
exits 16 "$fsck" -C "$scratch/store"
exits 8 "$fsck" "$scratch/missing"
image zeros 64M
exits 8 "$fsck" "$scratch/zeros"
says 'no ciaosfs store'
exits 8 "$fsck" "$scratch"
exec 9<"$scratch/store"
flock -x 9
exits 8 "$fsck" -n "$scratch/store"
says 'in use'
exec 9<&-

# A reader does not keep a reader out.
exec 9<"$scratch/store"
flock -s 9
exits 0 "$fsck" -n "$scratch/store"
exec 9<&-

# One copy of the superblock: named, and left as it is, whoever asks for a repair.
break_byte "$scratch/store" 50
sum=$(sha256sum <"$scratch/store")
exits 4 "$fsck" -n "$scratch/store"
says '1-01'
for option in -p -a -y; do
  exits 4 "$fsck" $option "$scratch/store"
  says 'repairs nothing'
done
[ "$sum" = "$(sha256sum <"$scratch/store")" ] || fail "the store was changed"
break_byte "$scratch/store" $((64 * 1024 * 1024 - 4096 + 50))
exits 4 "$fsck" -n "$scratch/store"
says '1-04'

# A volume file that is gone takes the log with it; a stray one is a note.
exits 0 "$mkfs" -q --volume-size 4M "$scratch/folder"
truncate -s 4M "$scratch/folder/volumes/7"
exits 0 "$fsck" -n "$scratch/folder"
says 'volume 7 exists and no row names it'
rm "$scratch/folder/volumes/0"
exits 4 "$fsck" -n "$scratch/folder"
says '2-0'

left=$(find "$scratch" -maxdepth 1 -name 'ciaos-fsck.*')
[ -z "$left" ] || fail "scratch was left behind: $left"
