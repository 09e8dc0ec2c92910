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

say "killed: a batch that was never finished needs no repair"
mount_store
head -c 1M /dev/urandom >"$mnt/never-synced"
kill_daemon
runs 0 -p
