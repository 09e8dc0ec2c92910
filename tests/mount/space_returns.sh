#!/usr/bin/env bash
# What was deleted beside what is kept gives its space back, on files and on a raw device, and nothing that is kept changes.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 losetup

# 12 MB in small files and 120 MB in large ones, each tenth of them to be kept.
make_files() {
  python3 - "$mnt/data" <<'PYTHON'
import os, random, sys
folder = sys.argv[1]
os.makedirs(folder)
dice = random.Random(1)
for number in range(3000):
    with open(f"{folder}/small{number}", "wb") as file:
        file.write(dice.randbytes(4000))
for number in range(300):
    with open(f"{folder}/large{number}", "wb") as file:
        file.write(dice.randbytes(400_000))
PYTHON
}

# Some that are kept and some that go, mapped from before the first is deleted until all have moved (invariant 3).
map_some() {
  coproc mapped { python3 "$(dirname "$0")/_mapped_readers.py" "$mnt"/data/{small,large}{10,11,100,111,200,222}; }
  reader=$!
  [ "$(head -n 1 <&"${mapped[0]}")" = mapped ] || fail "files cannot be mapped"
}
mapped_are_the_same() {
  local answer
  echo again >&"${mapped[1]}"
  read -r answer <&"${mapped[0]}"
  [ "$answer" = same ] || fail "of mapped files $answer"
}
unmap() {
  mapped_are_the_same
  eval "exec ${mapped[1]}>&-"
  wait "$reader"
}

delete_most() {
  find "$mnt/data" -type f ! -name '*0' -delete
  make_durable
}

# Waits until command $2... tells less than $1 KiB.
wait_until_less() {
  local most=$1 seconds now=''
  shift
  for ((seconds = 0; seconds < 60; seconds++)); do
    now=$("$@")
    [ "$now" -ge "$most" ] || return 0
    # The compactor looks again when something was applied.
    make_durable
    sleep 1
  done
  fail "$now KiB after a minute, not less than $most"
}

held_by_volumes() { du -sk "$store/volumes" | cut -f1; }
used_of_mount() { df -k --output=used "$mnt" | tail -1 | tr -d ' '; }

round_trip() {
  make_files
  make_durable
  sums_of "$mnt/data" | grep '0$' >"$scratch/kept"
  [ "$(wc -l <"$scratch/kept")" = 330 ] || fail "the test's own count is wrong"
  map_some
  delete_most
  mapped_are_the_same
  wait_until_less "$@"
  unmap
  diff "$scratch/kept" <(sums_of "$mnt/data") || fail "what was kept changed"
  kill_daemon
  mount_store
  diff "$scratch/kept" <(sums_of "$mnt/data") || fail "what was kept changed with a crash"
  unmount_store
  delete_index
  mount_store
  diff "$scratch/kept" <(sums_of "$mnt/data") || fail "what was kept changed with a new index"
  unmount_store
  "$CIAOSFS_BIN/fsck.ciaos" -n -f --check-data "$store" >"$scratch/fsck.out" || fail "fsck.ciaos: $(cat "$scratch/fsck.out")"
}

say "volumes that are files"
format_store --volume-size 16M
mount_store -o compact=1G
# 13 MB live: one volume being written, one to move into, and a tenth.
round_trip 64000 held_by_volumes

say "volumes of a raw device"
format_loop_store 512M
mount_store -o compact=1G
round_trip 64000 used_of_mount
