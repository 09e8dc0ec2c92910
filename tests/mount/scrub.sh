#!/usr/bin/env bash
# Damage on the device is found without anybody reading it, told in .ciaos/damaged with the file's name, and given to nobody as
# data; a volume file that is gone takes its own files along and no others.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 setpriv

report=$mnt/.ciaos/damaged

# Lines of the list, without the one that names the columns.
damages() { tail -n +2 "$report"; }

# Waits until command "$@" succeeds.
lists_at_least() { [ "$(damages | wc -l)" -ge "$1" ]; }
lists_nothing() { [ "$(damages | wc -l)" -eq 0 ]; }

# Flips a bit of the byte at $2 of file $1, wherever the store's volumes have it.
damage_file() {
  python3 - "$store/volumes" "$scratch/copies/$1" "$2" <<'PYTHON'
import os, sys
volumes, copy, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
wanted = open(copy, "rb").read()[at:at + 64]
for name in os.listdir(volumes):
    with open(f"{volumes}/{name}", "r+b") as volume:
        place = volume.read().find(wanted)
        if place < 0:
            continue
        volume.seek(place)
        volume.write(bytes([wanted[0] ^ 4]))
        os.fsync(volume.fileno())
        break
else:
    sys.exit("no volume holds these bytes")
PYTHON
}

say "a whole store lists nothing, to anybody"
format_store --volume-size 8M
mount_store -o scrub=1G,scrub_interval=0
mkdir "$scratch/copies" "$mnt/private"
chmod 700 "$mnt/private"
for number in $(seq 1 200); do head -c $((number * 997 + 1)) /dev/urandom >"$scratch/copies/$number"; done
cp "$scratch"/copies/* "$mnt/private"
make_durable
wait_until grep -q 'scrub_rounds [1-9]' "$mnt/.ciaos/stats"
lists_nothing || fail "$(cat "$report")"
grep -q '^[0-9]' "$mnt/.ciaos/version" || fail "no version"
setpriv --reuid 65534 --regid 65534 --clear-groups cat "$report" >/dev/null
if setpriv --reuid 65534 --regid 65534 --clear-groups cat "$mnt/private/1" 2>/dev/null; then fail "private is not"; fi

say "the folder is found and not listed, and stays as it is"
cp "$mnt"/.ciaos/* "$scratch"
[ -z "$(find "$mnt" -name .ciaos)" ] || fail ".ciaos is listed"
if mkdir "$mnt/.ciaos" 2>/dev/null || rm -f "$report" 2>/dev/null || mv "$mnt/private" "$mnt/.ciaos/x" 2>/dev/null; then
  fail "something in .ciaos could be changed"
fi
unmount_store

say "two damaged files are found, and nothing else"
damage_file 70 5000
damage_file 150 100000
mount_logged -o scrub=1G,scrub_interval=0
wait_until lists_at_least 2
damages | cut -f 3,4,10 | sort | diff - <(printf '4096\t4096\t/private/70\n98304\t4096\t/private/150\n') ||
  fail "$(cat "$report")"
for number in $(seq 1 200); do
  case $number in
    70 | 150) if cat "$mnt/private/$number" >"$scratch/out" 2>/dev/null; then fail "$number was read"; fi ;;
    *) cmp "$mnt/private/$number" "$scratch/copies/$number" ;;
  esac
done
head -c 4096 "$mnt/private/70" | cmp - <(head -c 4096 "$scratch/copies/70")
grep -q '^damaged 2$' "$mnt/.ciaos/stats" || fail "$(cat "$mnt/.ciaos/stats")"

say "the log tells of each once, however often it is found"
wait_until grep -q 'scrub_rounds [3-9]' "$mnt/.ciaos/stats"
for number in 70 150; do
  line="damaged: /private/$number (inode [0-9]*), 4096 bytes at [0-9]*: .*; volume [0-9]* at [0-9]*, .* at [0-9]*$"
  [ "$(grep -c "damaged: .*/private/$number" "$log")" = 1 ] && grep -q "$line" "$log" || fail "of $number: $(cat "$log")"
done

say "the list survives kill -9 and a mount without scrubbing; where the bytes are right again, it ends"
kill_daemon
mount_store -o scrub=0
lists_at_least 2 || fail "the list was forgotten: $(cat "$report")"
cp "$scratch/copies/70" "$mnt/private/70"
unmount_store
python3 - "$store/volumes" "$scratch/copies/150" <<'PYTHON'
import os, sys
wanted = open(sys.argv[2], "rb").read()[100001:100065]
for name in os.listdir(sys.argv[1]):
    with open(f"{sys.argv[1]}/{name}", "r+b") as volume:
        bytes_there = volume.read()
        place = bytes_there.find(wanted) - 1
        if place >= 0:
            volume.seek(place)
            volume.write(bytes([bytes_there[place] ^ 4]))
PYTHON
mount_store -o scrub=1G,scrub_interval=0
wait_until lists_nothing
cmp "$mnt/private/150" "$scratch/copies/150"
unmount_store
