#!/usr/bin/env bash
# What is read before somebody asks. Through rings, a thread that reads what it looks up finds the bytes on their way; one that only
# looks, or finds pages in the kernel, costs the device nothing. A file that is read forward is ahead of its reader on any transport.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3

metric() { "$CIAOSFS_BIN/ciaosctl" --store "$store" metrics | awk -v name="$1" '$1 == name { print $2 }'; }

# Prints by how much a metric grows while a command runs.
growth_of() {
  local name=$1 before
  shift
  before=$(metric "$name")
  "$@" >"$scratch/said"
  echo $(($(metric "$name") - before))
}

make_cold() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  kill -USR1 "$(daemon_pid)"
  sleep 0.2 # nothing tells when a signal was heard
}

one_thread() {
  python3 - "$mnt" "$@" <<'PYTHON'
import os, random, sys
folder, what = sys.argv[1:]
names = [f"{folder}/{number}" for number in range(400)]
random.Random(3).shuffle(names)
for name in names:
    if what == "make":
        with open(name, "wb") as file:
            file.write(random.Random(name).randbytes(3000 + random.Random(name).randrange(60000)))
    elif what == "stat":
        os.stat(name)
    else:
        with open(name, "rb", buffering=0) as file:
            got = file.read(1 << 20)
        assert got == random.Random(name).randbytes(3000 + random.Random(name).randrange(60000)), name
PYTHON
}

# Makes a file of 32 MiB, if it is not there, and reads it.
stream() {
  python3 - "$mnt/large" <<'PYTHON'
import hashlib, os, sys
expected = hashlib.sha256()
if not os.path.exists(sys.argv[1]):
    with open(sys.argv[1], "wb") as file:
        for number in range(32):
            file.write(number.to_bytes(4, "little") * (1 << 18))
        os.fsync(file.fileno())
got = hashlib.sha256()
for number in range(32):
    expected.update(number.to_bytes(4, "little") * (1 << 18))
with open(sys.argv[1], "rb", buffering=0) as file:
    while block := file.read(1 << 20):
        got.update(block)
assert got.digest() == expected.digest()
PYTHON
}

switch=/sys/module/fuse/parameters/enable_uring
transports=(off)
if [ -w $switch ]; then
  transports+=(on)
  was=$(cat $switch)
  trap 'status=$?; set +e; echo "$was" >$switch; (exit $status); leave_nothing' EXIT
fi
for rings in "${transports[@]}"; do
  say "rings=$rings"
  format_store
  mount_store -o "rings=$rings"
  one_thread make
  stream
  unmount_store
  mount_store -o "rings=$rings"
  one_thread read # the extents are in memory behind this

  make_cold
  ahead=$(growth_of ciaosfs_reads_ahead_total one_thread read)
  if [ $rings = on ]; then
    [ "$ahead" -ge 380 ] || fail "a reader of cold files waits for each of them: $ahead were read ahead"
  else
    [ "$ahead" -eq 0 ] || fail "$ahead small files were read ahead by /dev/fuse, which does not pay"
  fi
  make_cold
  reads=$(growth_of ciaosfs_device_reads_total one_thread read)
  [ "$reads" -le 402 ] || fail "reading ahead costs further reads: $reads for 400 files"
  make_cold
  [ "$(growth_of ciaosfs_device_reads_total one_thread stat)" -le 5 ] || fail "looking at files reads them"
  one_thread read
  [ "$(growth_of ciaosfs_device_reads_total one_thread read)" -le 5 ] || fail "files are read that the kernel has"

  make_cold
  stream
  make_cold
  ahead=$(growth_of ciaosfs_reads_ahead_wanted_total stream)
  [ "$ahead" -ge 20 ] || fail "of 32 MiB that were read forward $ahead needles were ahead"
  unmount_store
  check_store
  rm -rf "$store"
done
