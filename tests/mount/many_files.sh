#!/usr/bin/env bash
# Files of 1 KB to 1 MB copied in by cp -a and by rsync, verified after remount, after kill -9, and after the index was
# deleted; on a directory store and on a raw loop device.
#
# By hand, large: CIAOS_FILES=100000 CIAOS_IMAGE_BYTES=48G TMPDIR=/somewhere/large bash tests/mount/many_files.sh
# with CIAOS_STORES=raw or directory for one kind alone.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool rsync python3 losetup
files=${CIAOS_FILES:-600}

say "$files files"
python3 - "$scratch/source" "$files" <<'PYTHON'
import os, random, sys
folder, count = sys.argv[1], int(sys.argv[2])
numbers = random.Random(7)
noise = numbers.randbytes(2 << 20)
total = 0
for number in range(count):
    place = f"{folder}/{number % 97:02d}/{number % 11:02d}"
    os.makedirs(place, exist_ok=True)
    size = int(1000 * 1000 ** numbers.random())  # as many between 1 and 10 KB as between 100 KB and 1 MB
    start = numbers.randrange(1 << 20)
    with open(f"{place}/{number}.bin", "wb") as file:
        file.write(number.to_bytes(8, "little") + noise[start:start + size - 8])
    os.chmod(file.name, 0o640 if number % 3 else 0o444)
    os.utime(file.name, ns=(10**18 + number, 10**18 + number * 1001))
    total += size
os.symlink("00", f"{folder}/link")
os.link(f"{folder}/00/00/0.bin", f"{folder}/hard")
print(f"{total / 1e6:.0f} MB")
PYTHON
sums_of "$scratch/source" >"$scratch/sums"

# Contents by sum; modes, owners, times, links and targets by what rsync would change.
verify() {
  local copy
  for copy in cp rsync; do
    sums_of "$mnt/$copy" | cmp - "$scratch/sums" || fail "$1: contents of the copy by $copy differ"
    rsync -aHn --delete --itemize-changes "$scratch/source/" "$mnt/$copy/" >"$scratch/changes"
    [ ! -s "$scratch/changes" ] || { head "$scratch/changes"; fail "$1: attributes of the copy by $copy differ"; }
  done
  say "right $1"
}

copy_and_crash() {
  mount_store
  cp -a "$scratch/source" "$mnt/cp"
  rsync -aH "$scratch/source/" "$mnt/rsync/"
  make_durable
  verify "after copying"
  unmount_store
  mount_store
  verify "after remount"
  touch "$mnt/cp/hard" -r "$scratch/source/hard"
  kill_daemon
  mount_store
  verify "after kill -9"
  unmount_store
  delete_index
  mount_store
  verify "after deleting the index"
  unmount_store
  check_store
}

for kind in ${CIAOS_STORES:-directory raw}; do
  say "a $kind store"
  case $kind in
    directory)
      format_store
      copy_and_crash
      rm -rf "$store"
      ;;
    raw)
      format_loop_store "${CIAOS_IMAGE_BYTES:-4G}"
      copy_and_crash
      ;;
    *) fail "no kind of store: $kind" ;;
  esac
done
