#!/usr/bin/env bash
# mkfs.ciaos: what it makes, what it refuses, and that a refusal changes nothing.
. "$(dirname "$0")/_tools.sh"

uuid=00112233-4455-6677-8899-aabbccddeeff

# One line each, so that the thing and the way out can be read.
one_line() {
  [ "$(printf '%s\n' "$err" | wc -l)" = 1 ] || fail "more than one line: $err"
}

# --- a directory ---
exits 0 "$mkfs" -L photos --volume-size 4M "$scratch/store"
says 'kind=directory'
says 'label="photos"'
says 'bytes=4194304'
[ -f "$scratch/store/superblock" ] || fail "no superblock"
[ "$(stat -c %s "$scratch/store/volumes/0")" = 4194304 ] || fail "volume 0 has another size"
[ -d "$scratch/store/index" ] || fail "no folder for the index"
exits 0 "$fsck" -n "$scratch/store"

before=$(cd "$scratch/store" && find . -type f -exec sha256sum {} + | sort)
exits 1 "$mkfs" --volume-size 4M "$scratch/store"
says 'holds a ciaosfs store'
says '-f'
one_line
[ "$before" = "$(cd "$scratch/store" && find . -type f -exec sha256sum {} + | sort)" ] || fail "a refusal changed the store"
touch "$scratch/store/index/index.sqlite"
exits 0 "$mkfs" -q -f --volume-size 4M "$scratch/store"
[ -z "$out$err" ] || fail "-q is not quiet: $out $err"
[ ! -e "$scratch/store/index/index.sqlite" ] || fail "-f left the old index"
exits 0 "$fsck" -n "$scratch/store"

mkdir "$scratch/full"
echo precious >"$scratch/full/file"
exits 1 "$mkfs" "$scratch/full"
says 'holds files (file)'
one_line
[ "$(ls -A "$scratch/full")" = file ] || fail "a refusal left something behind"
exits 0 "$mkfs" -q -f --volume-size 4M "$scratch/full"
[ "$(cat "$scratch/full/file")" = precious ] || fail "-f removed a file"

# --- what was not there before is not there after a refusal ---
exits 2 "$mkfs" --volume-size 12345 "$scratch/odd"
[ ! -e "$scratch/odd" ] || fail "a refused plan left a directory"
exits 1 "$mkfs" "$scratch/no/such"
says "there is no directory $scratch/no"
exits 1 "$mkfs" /dev/ciaos-no-such-device
says 'no such device'
exits 2 "$mkfs" -U nonsense "$scratch/odd"
for size in 3X 0 2T 3M 512K 99999999T; do exits 2 "$mkfs" --volume-size $size "$scratch/odd"; done
exits 1 "$mkfs" -n ""
says 'an empty path'
exits 1 "$mkfs" -n -f /
exits 1 "$mkfs" -n -f /tmp/..
says 'becomes no store'
exits 2 "$mkfs" --no-such-option "$scratch/odd"
exits 2 "$mkfs"
exits 2 env SOURCE_DATE_EPOCH=yesterday "$mkfs" "$scratch/odd"
exits 1 "$mkfs" /dev/null
says 'neither a directory'
exits 1 "$mkfs" -L "$(printf '%065d' 0)" "$scratch/odd"
[ ! -e "$scratch/odd" ] || fail "a refusal left a directory"

# --- -n shows the same and writes nothing ---
exits 0 "$mkfs" -n -U $uuid --volume-size 4M "$scratch/planned"
planned=$out
[ ! -e "$scratch/planned" ] || fail "-n made something"
exits 0 "$mkfs" -U $uuid --volume-size 4M "$scratch/planned"
[ "$planned" = "$out" ] || fail "-n showed something else than was done"
image dry 64M
exits 0 "$mkfs" -n "$scratch/dry"
says 'slots='
cmp -s "$scratch/dry" <(head -c 64M /dev/zero) || fail "-n wrote to an image"

exits 0 "$mkfs" -n --volume-size 1t "$scratch/sized"
says 'bytes=1099511627776'
exits 0 "$mkfs" -n --volume-size 4m "$scratch/sized"
says 'bytes=4194304'
exits 0 "$mkfs" -n --volume-size 4M --index "$scratch/new/" "$scratch/sized"
says "index    =$scratch/new"

# --- image files, and the same bytes twice ---
image one 64M
image two 64M
for name in one two; do
  exits 0 env SOURCE_DATE_EPOCH=1700000000 "$mkfs" -q -U $uuid "$scratch/$name"
done
cmp "$scratch/one" "$scratch/two" || fail "the same arguments wrote different bytes"
exits 0 "$fsck" -n "$scratch/one"
exits 1 "$mkfs" "$scratch/one"
says 'holds a ciaosfs store'
exits 1 "$mkfs" -f -U $uuid "$scratch/one"
says 'a new store needs a new UUID'
exits 1 "$mkfs" -n -f -U $uuid "$scratch/one"
says 'a new store needs a new UUID'
image tiny 64K
exits 1 "$mkfs" "$scratch/tiny"
one_line
image empty 0
exits 1 "$mkfs" "$scratch/empty"
one_line

# --- several make one store ---
image a 64M
image b 64M
exits 1 "$mkfs" "$scratch/a" "$scratch/a"
says 'are the same'
exits 1 "$mkfs" "$scratch/a" "$scratch/planned2"
says 'not of both'
exits 0 "$mkfs" "$scratch/a" "$scratch/b"
says 'device=2 of 2'
exits 0 "$fsck" -n "$scratch/b" "$scratch/a"
exits 8 "$fsck" -n "$scratch/a"
says 'has 2 devices, and 1 were named; name all devices'
exits 8 "$fsck" -n "$scratch/a" "$scratch/one"
says 'name all devices of one store'

# --- other people's filesystems ---
if command -v mkfs.ext4 >/dev/null; then
  image ext4 64M
  mkfs.ext4 -q -F "$scratch/ext4" || fail "mkfs.ext4"
  exits 1 "$mkfs" "$scratch/ext4"
  says 'ext4'
  one_line
  exits 0 "$mkfs" -q -f "$scratch/ext4"
  exits 0 "$fsck" -n "$scratch/ext4"
fi
image parts 64M
# One Linux partition of 100,000 sectors from sector 2048, by hand: the signature and the first entry of a DOS table.
printf '\x00\x00\x00\x00\x83\x00\x00\x00\x00\x08\x00\x00\xa0\x86\x01\x00' |
  dd of="$scratch/parts" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$scratch/parts" bs=1 seek=510 conv=notrunc status=none
exits 1 "$mkfs" "$scratch/parts"
says 'a partition table (dos)'
exits 0 "$mkfs" -q -f "$scratch/parts"
exits 0 "$fsck" -n "$scratch/parts"

# --- in use: not even with -f ---
exec 9<"$scratch/one"
flock -x 9
exits 1 "$mkfs" -f "$scratch/one"
says 'in use'
exec 9<&-
exits 0 "$mkfs" -V
says 'mkfs.ciaos '
exits 0 "$mkfs" --help
says 'SOURCE_DATE_EPOCH'
