#!/usr/bin/env bash
# Large files of a read-only mount that the kernel reads by itself, on XFS: byte for byte what is stored, verified before; and where it
# cannot be, files are read as ever.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool mkfs.xfs python3

make_host
store=$host/store
format_store --volume-size 64M
mount_store
python3 - "$mnt" <<'PYTHON'
import os, sys
for name, size in ("whole", 8 << 20), ("odd", (5 << 20) + 4321), ("small", 100000):
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(os.urandom(size))
with open(f"{sys.argv[1]}/sparse", "wb") as file:
    file.write(b"x" * (1 << 20))
    file.seek(3 << 20, os.SEEK_CUR)
    file.write(b"y" * (1 << 20))
PYTHON
sums_of "$mnt" >"$scratch/sums"
unmount_store

# What ciaosctl status has under that name.
served_by() {
  "$CIAOSFS_BIN/ciaosctl" --json -s "$mnt" status |
    python3 -c 'import json, sys; print({name: value for kind in json.load(sys.stdin).values() for name, value in kind.items()}[sys.argv[1]])' "$1"
}
count() { served_by requests | tr ' ' '\n' | sed -n "s/^$1=//p"; }
is_told() { [ "$(served_by "$1")" = "$2" ]; }
free_blocks() { sync -f "$host"; stat -f -c %f "$host"; }
holds_only() { [ "$(find "$store/volumes" | wc -l)" = "$1" ]; }

say "open=passthrough says why, where it cannot be"
refused() {
  local told
  ! told=$("$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" "$@" 2>&1 </dev/null) || fail "mounted: $*"
  grep -q 'open=passthrough' <<<"$told" || fail "it says: $told"
  ! mountpoint -q "$mnt" || fail "a mount is left"
}
refused -o open=passthrough
refused -o ro,strictatime,open=passthrough
wait_for_daemon_end

say "what has been read once is read without the daemon"
files=$(find "$store/volumes" | wc -l)
free=$(free_blocks)
mount_store -o ro,open=passthrough
[ -n "$(count INIT)" ] || skip "this libfuse lets nobody add to its INIT"
(cd "$mnt" && sha256sum --quiet -c "$scratch/sums")
wait_until is_told twins 3
reads=$(count READ)
echo 3 >/proc/sys/vm/drop_caches
(cd "$mnt" && sha256sum --quiet -c "$scratch/sums")
[ "$(count READ)" = $((reads + 1)) ] || fail "$reads reads, and then $(count READ): one is of the small file"
holds_only "$files" || fail "there are names beside the volumes"

say "as XFS reads it: mapped, by sendfile, with O_DIRECT, at and behind its end"
cp "$mnt/odd" "$scratch/odd"
reads=$(count READ)
python3 - "$mnt" "$scratch/odd" <<'PYTHON'
import mmap, os, sys
want = open(sys.argv[2], "rb").read()
fd = os.open(f"{sys.argv[1]}/odd", os.O_RDONLY)
assert os.fstat(fd).st_size == len(want)
mapped = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
assert mapped[:] == want
assert os.pread(fd, 8192, len(want) - 100) == want[-100:]
assert os.pread(fd, 8192, len(want)) == b""
with open(f"{sys.argv[2]}.sent", "wb") as out:
    at = 0
    while sent := os.sendfile(out.fileno(), fd, at, 1 << 20):
        at += sent
assert open(f"{sys.argv[2]}.sent", "rb").read() == want
# The mapping outlives the descriptor, and the next open does not mind it.
os.close(fd)
again = os.open(f"{sys.argv[1]}/odd", os.O_RDONLY)
direct = os.open(f"{sys.argv[1]}/odd", os.O_RDONLY | os.O_DIRECT)
page = mmap.mmap(-1, 1 << 20)
assert os.preadv(direct, [page], 1 << 20) == 1 << 20 and page[:] == want[1 << 20:2 << 20]
assert mapped[-1:] == want[-1:] and os.pread(again, 10, 0) == want[:10]
PYTHON
[ "$(count READ)" = "$reads" ] || fail "the daemon was asked"
wait_until is_told passed_files 0

say "many at once, opened and closed in any order, while twins go and come"
python3 - "$mnt" "$scratch/odd" "$(daemon_pid)" <<'PYTHON'
import os, random, signal, sys, threading
want = open(sys.argv[2], "rb").read()
wrong = []
def reader(seed):
    chance = random.Random(seed)
    try:
        for _ in range(20):
            fd = os.open(f"{sys.argv[1]}/odd", os.O_RDONLY)
            if chance.random() < 0.4:
                got = b"".join(iter(lambda: os.read(fd, 1 << 20), b""))
                assert got == want
            else:
                at = chance.randrange(len(want))
                assert os.pread(fd, 100000, at) == want[at:at + 100000]
            os.close(fd)
            if chance.random() < 0.1:
                os.kill(int(sys.argv[3]), signal.SIGUSR1)
    except Exception as error:  # an open that is refused, too
        wrong.append(error)
threads = [threading.Thread(target=reader, args=(seed,)) for seed in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit(f"{wrong[0]!r}" if wrong else 0)
PYTHON

say "nothing is left of it, after kill -9 either"
exec 5<"$mnt/whole"
kill_nine() { kill -9 "$(daemon_pid)"; wait_for_daemon_end; }
kill_nine
exec 5<&-
umount "$mnt"
check_store
[ $(($(free_blocks) + 64)) -ge "$free" ] || fail "$free blocks were free, and now $(free_blocks)"

say "damage is an error to whoever reads it, and no file is passed on with it"
volume=$(find "$store/volumes" -type f -size +1M | sort | head -1)
python3 - "$volume" "$scratch/odd" <<'PYTHON'
import sys
want = open(sys.argv[2], "rb").read()
with open(sys.argv[1], "r+b") as volume:
    at = volume.read().index(want[2500000:2500100])
    volume.seek(at)
    volume.write(bytes([want[2500000] ^ 1]))
PYTHON
mount_store -o ro,open=passthrough
for _ in 1 2; do
  if cat "$mnt/odd" >/dev/null 2>"$scratch/said"; then fail "damage was not noticed"; fi
  grep -q 'Structure needs cleaning' "$scratch/said" || fail "$(cat "$scratch/said")"
done
cat "$mnt/whole" >"$scratch/whole"
wait_until is_told twins 1
unmount_store

say "open=auto passes large files, and leaves a store of small ones as it was"
mount_store -o ro
cat "$mnt/whole" >"$scratch/whole"
wait_until is_told twins 1
unmount_store
mount_store
for ((i = 0; i < 30; i++)); do echo "$i" >"$mnt/small$i"; done
unmount_store
mount_store -o ro
cmp "$mnt/whole" "$scratch/whole"
[ "$(served_by opens_are_told)" = False ] || fail "small files are opened"
unmount_store

say "a store whose blocks nobody can share is read as ever"
store=$scratch/image_store
truncate -s 256M "$store"
format_store --index "$index"
mount_store
cp "$scratch/whole" "$mnt/whole"
unmount_store
refused -o ro,open=passthrough
wait_for_daemon_end
mount_store -o ro
cmp "$mnt/whole" "$scratch/whole"
unmount_store
