#!/usr/bin/env bash
# fsck.ciaos: exit codes, options as fsck(8) passes them, that a check writes nothing, and that a second run finds nothing.
. "$(dirname "$0")/_tools.sh"

# break_byte FILE OFFSET: of a byte that is zero; one of the random UUID may be 0xff already.
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
exits 16 "$fsck" -n --cut-lost "$scratch/store"
says '--cut-lost goes with -y'
exits 16 "$fsck" -n -C 99 "$scratch/store"
says 'no such descriptor'
exits 8 "$fsck" "$scratch/missing"
mkfifo "$scratch/fifo"
exits 8 timeout 60 "$fsck" "$scratch/fifo"
says 'is no directory, no block device'
exits 0 "$mkfs" -q --volume-size 4M "$scratch/odd_folder"
exits 16 "$fsck" --salvage "$scratch/odd_folder/out" "$scratch/odd_folder"
says 'lies in the store'
[ ! -e "$scratch/odd_folder/out" ] || fail "--salvage made a folder in the store"
mkdir "$scratch/odd_folder/volumes/99"
exits 8 "$fsck" -n "$scratch/odd_folder"
says "volumes/99 has a volume's name and is no file"
exits 8 "$fsck" -p "$scratch/odd_folder"
image zeros 64M
exits 8 "$fsck" "$scratch/zeros"
says 'no ciaosfs store'
exits 8 "$fsck" "$scratch"
exec 9<"$scratch/store"
flock -x 9
exits 8 "$fsck" -n "$scratch/store"
says 'in use by process'
exits 8 "$fsck" -y "$scratch/store"
exec 9<&-

# A reader does not keep a reader out, but a repair.
exec 9<"$scratch/store"
flock -s 9
exits 0 "$fsck" -n "$scratch/store"
exits 8 "$fsck" -p "$scratch/store"
exec 9<&-

# One copy of the superblock: named and left by -n, written again by everybody else; then there is nothing to say.
for option in -p -a -y; do
  break_byte "$scratch/store" 3000
  sum=$(sha256sum <"$scratch/store")
  exits 4 "$fsck" -n "$scratch/store"
  says '1-01'
  exits 4 "$fsck" "$scratch/store" </dev/null
  [ "$sum" = "$(sha256sum <"$scratch/store")" ] || fail "a check changed the store"
  exits 1 "$fsck" $option "$scratch/store"
  says 'Write it again from the good one: yes'
  exits 0 "$fsck" -n "$scratch/store"
done
break_byte "$scratch/store" 3000
break_byte "$scratch/store" $((64 * 1024 * 1024 - 4096 + 3000))
exits 4 "$fsck" -n "$scratch/store"
says '1-04'
exits 4 "$fsck" -y "$scratch/store"

# On a terminal each repair is a question.
if command -v script >/dev/null; then
  image asked 64M
  exits 0 "$mkfs" -q "$scratch/asked"
  break_byte "$scratch/asked" 3000
  exits 4 script -qec "'$fsck' '$scratch/asked'" /dev/null <<<n
  says 'Write it again from the good one (y/n/a)?'
  exits 1 script -qec "'$fsck' '$scratch/asked'" /dev/null <<<y
  exits 0 "$fsck" -n "$scratch/asked"
fi

# The index: built beside the old one, swapped, and the old one gone; or built on request.
exits 0 "$mkfs" -q --volume-size 4M "$scratch/indexed"
exits 0 "$fsck" --rebuild-index "$scratch/indexed" </dev/null
says 'the index was built anew'
[ -s "$scratch/indexed/index/index.sqlite" ] || fail "there is no new index"
echo 'no database' >"$scratch/indexed/index/index.sqlite"
exits 4 "$fsck" -n "$scratch/indexed"
says '3-02'
exits 1 "$fsck" -p "$scratch/indexed"
exits 0 "$fsck" -f -n --check-data "$scratch/indexed"
[ "$(ls "$scratch/indexed/index")" = index.sqlite ] || fail "more than the database: $(ls "$scratch/indexed/index")"
[ ! -e "$scratch/indexed/index.fsck" ] || fail "the old index was left behind"
exits 16 "$fsck" -n --rebuild-index "$scratch/indexed"

# Root repairs somebody's store: what is made there is his.
if [ "$(id -u)" = 0 ]; then
  chmod 777 "$scratch"
  chown -R 65534:65534 "$scratch/indexed"
  exits 0 "$fsck" --rebuild-index "$scratch/indexed" </dev/null
  [ "$(stat -c %u "$scratch/indexed/index" "$scratch/indexed/index/index.sqlite" | sort -u)" = 65534 ] ||
    fail "root owns the index of somebody's store"
fi

# A volume file that is gone takes the log with it; a stray one is a note.
exits 0 "$mkfs" -q --volume-size 4M "$scratch/folder"
truncate -s 4M "$scratch/folder/volumes/7"
exits 0 "$fsck" -n "$scratch/folder"
says 'volume 7 exists and no row names it'
rm "$scratch/folder/volumes/0"
exits 4 "$fsck" -n "$scratch/folder"
says '2-0'
exits 4 "$fsck" -p "$scratch/folder"
says 'RUN fsck.ciaos MANUALLY'

left=$(find "$scratch" -maxdepth 1 -name 'ciaos-fsck.*')
[ -z "$left" ] || fail "scratch was left behind: $left"
