#!/usr/bin/env bash
# Writers, readers, deletes, clones, compaction and scrubbing on a small store that dies again and again: nothing that was
# acknowledged is lost, nothing is there that nobody wrote, and fsck.ciaos finds nothing.
#
# CIAOS_SOAK_MINUTES says how long, on a folder and on a raw device together; CIAOS_LIFE_SECONDS how long a daemon lives at most.
# tests/soak runs it by hand. CIAOS_SOAK_ON=device leaves out the folder.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 losetup

seconds=$(awk -v minutes="${CIAOS_SOAK_MINUTES:-0.3}" 'BEGIN { print int(minutes * 60) }')
life=${CIAOS_LIFE_SECONDS:-6}
ledger=$(dirname "$0")/_ledger.py
books=$scratch/books
options=compact=1G,scrub=256M,scrub_interval=0,commit=1
crashes=0

# What the daemon did in this life, from its own report; the counts of all lives.
declare -A done_so_far=()
note_work() {
  local name value
  while read -r name value; do
    done_so_far[$name]=$((${done_so_far[$name]:-0} + value))
  done <"$scratch/stats"
}

fail_with_log() { fail "$(cat "$scratch/load.out"; grep -v ": info:" "$log" | head -20)"; }

check_whole_store() {
  "$CIAOSFS_BIN/fsck.ciaos" -n -f --check-data "$store" >"$scratch/fsck.out" || fail "fsck.ciaos: $(cat "$scratch/fsck.out")"
}

live_and_die() {
  local loader
  : >"$log"
  mount_logged -o "$options"
  if [ -e "$books" ]; then python3 "$ledger" verify "$mnt" "$books" >"$scratch/verified" || fail_with_log; fi
  python3 "$ledger" load "$mnt" "$books" "$life" >"$scratch/load.out" 2>&1 &
  loader=$!
  sleep "$(awk -v most="$life" -v dice="$RANDOM" 'BEGIN { print 1 + dice / 32768 * (most - 1) }')"
  cp "$mnt/.ciaos/stats" "$scratch/stats"
  [ "$(wc -l <"$mnt/.ciaos/damaged")" -eq 1 ] || fail "damage that nobody made: $(cat "$mnt/.ciaos/damaged")"
  if ((RANDOM % 8 == 0)); then
    wait "$loader" || fail_with_log
    unmount_store
    check_whole_store
  else
    kill -9 "$(daemon_pid)"
    wait "$loader" || fail_with_log
    wait_for_daemon_end
    umount "$mnt"
    crashes=$((crashes + 1))
  fi
  note_work
  if ((RANDOM % 8 == 0)); then delete_index; fi
  cat "$scratch/load.out" >>"$scratch/loads"
}

soak() {
  local end=$((SECONDS + $1))
  rm -f "$books"
  while [ "$SECONDS" -lt "$end" ]; do live_and_die; done
  mount_store
  python3 "$ledger" verify "$mnt" "$books"
  unmount_store
  check_whole_store
}

if [ "${CIAOS_SOAK_ON:-folder}" = folder ]; then
  say "volumes that are files"
  format_store --volume-size 4M
  soak $((seconds / 2))
fi

say "volumes of a raw device, a small one"
format_loop_store 128M
soak $((seconds / 2))

awk '/^operations/ { for (i = 1; i < NF; i += 2) if ($i ~ /^[a-z]/) sum[$i] += $(i + 1) }
     END { for (name in sum) printf "%s %d\n", name, sum[name] }' "$scratch/loads" | sort
for name in scrub_rounds compaction_volumes_emptied compaction_punched_bytes volumes_freed snapshots_written index_rebuilt; do
  echo "$name ${done_so_far[$name]:-0}"
done
echo "crashes $crashes, lost 0, wrong 0"
