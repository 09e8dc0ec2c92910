#!/usr/bin/env bash
# What fsck.ciaos repaired is mounted again and shows the files that were there; a mounted store it does not touch.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
fsck=$CIAOSFS_BIN/fsck.ciaos

# runs CODE OPTIONS...
runs() {
  local code=0 expected=$1
  shift
  "$fsck" "$@" "$store" >"$scratch/said" 2>&1 </dev/null || code=$?
  [ $code = "$expected" ] || fail "fsck.ciaos $*: exit code $code instead of $expected: $(cat "$scratch/said")"
}
said() { grep -qF -e "$1" "$scratch/said" || fail "nothing about '$1': $(cat "$scratch/said")"; }

format_store --volume-size 4M
mount_store
mkdir -p "$mnt/a/b"
for i in $(seq 50); do head -c $((i * 1733)) /dev/urandom >"$mnt/a/b/f$i"; done
head -c 3M /dev/urandom >"$mnt/large"
ln "$mnt/a/b/f7" "$mnt/a/second"
ln -s a/b/f1 "$mnt/link"
sums_of "$mnt" >"$scratch/sums"

say "a mounted store"
make_durable
sums_of "$mnt" >"$scratch/sums"
for option in -n -p -y --rebuild-index; do
  runs 8 "$option"
  said "in use by process $(daemon_pid)"
done

same_files() {
  mount_store
  sums_of "$mnt" | diff "$scratch/sums" - || fail "the files are not the same"
  [ "$(readlink "$mnt/link")" = a/b/f1 ] || fail "the link leads elsewhere"
  [ "$(stat -c %h "$mnt/a/second")" = 2 ] || fail "the link count is wrong"
  unmount_store
}

say "closed: clean at a glance"
unmount_store
runs 0 -p
said ': clean, '
runs 0 -f -y --check-data

say "an index of rubbish"
head -c 100000 /dev/urandom >"$store/index/index.sqlite"
runs 4 -n
said 3-02
runs 1 -p
runs 0 -f -p
same_files

say "no index"
delete_index
runs 1 -y
runs 0 -n --check-data
same_files

say "an index built on request"
runs 0 --rebuild-index
same_files

say "one copy of the superblock"
printf '\xff' | dd of="$store/superblock" bs=1 seek=4200 conv=notrunc status=none
runs 1 -p
runs 0 -n
same_files

say "a file's needle is damaged: it stays, unless a hole is asked for"
victim=$(grep -obUaP 'CNDL\x01\x00\x01' "$store/volumes/0" | sed -n 3p | cut -d: -f1)
printf '\xff' | dd of="$store/volumes/0" bs=1 seek=$((victim + 20)) conv=notrunc status=none
runs 4 -n
said 5-07
file=$(sed -n 's/^5-07: "\(.*\)" (inode.*/\1/p' "$scratch/said")
runs 4 -f -p
said 'RUN fsck.ciaos MANUALLY'
runs 4 -y
mount_store
if cat "$mnt$file" >/dev/null 2>"$scratch/said"; then fail "damaged bytes were handed out"; fi
said 'Structure needs cleaning'
unmount_store
runs 1 -y --cut-lost
runs 0 -n --check-data
mount_store
sums_of "$mnt" | diff "$scratch/sums" - >"$scratch/different" && fail "nothing is different"
[ "$(grep -c '^>' "$scratch/different")" -le 2 ] || fail "more than that file and its second name: $(cat "$scratch/different")"
cat "$mnt$file" >/dev/null || fail "$file cannot be read, although it has a hole now"
unmount_store

say "killed: a batch that was never finished needs no repair"
mount_store
head -c 1M /dev/urandom >"$mnt/never-synced"
kill_daemon
runs 0 -p

say "a log that is broken in the middle"
store=$scratch/broken
format_store --volume-size 4M
mount_store
for i in 1 2 3 4; do
  head -c $((i * 200000)) /dev/urandom >"$mnt/f$i"
  sync "$mnt/f$i"
done
sums_of "$mnt" | cut -d' ' -f1 | sort >"$scratch/sums"
unmount_store
# The third of the txn needles of volume 0 (magic, version 1, kind 2) that follow the first two.
place=$(grep -obUaP 'CNDL\x01\x00\x02' "$store/volumes/0" | sed -n 5p | cut -d: -f1)
printf '\xff' | dd of="$store/volumes/0" bs=1 seek=$((place + 20)) conv=notrunc status=none
delete_index
find "$store" -type f -exec sha256sum {} + | sort >"$scratch/before"
runs 4 -y
said 2-02
runs 4 --salvage "$scratch/salvaged"
find "$store" -type f -exec sha256sum {} + | sort | diff "$scratch/before" - || fail "the store was changed"
sums_of "$scratch/salvaged" | cut -d' ' -f1 | sort | diff "$scratch/sums" - || fail "not every file came out"
[ -n "$(ls "$scratch/salvaged/lost+found")" ] || fail "nothing lay behind the break"
