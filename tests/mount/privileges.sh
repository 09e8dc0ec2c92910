#!/usr/bin/env bash
# Writes and chowns drop what runs with more rights (P6), and the kernel leaves that to us.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 setfattr getfattr setpriv

format_store --volume-size 64M
mount_store -o allow_other
chmod 777 "$mnt"

user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
mode() { stat -c %a "$mnt/program"; }

say "set-id bits"
echo text >"$mnt/program"
for change in 'echo more >>"$0"' 'echo less >"$0"' 'truncate -s 3 "$0"' 'fallocate -p -o 0 -l 1 "$0"'; do
  chown 0:0 "$mnt/program"
  chmod 6777 "$mnt/program"
  [ "$(mode)" = 6777 ] || fail "chmod did not set the bits"
  sh -c "$change" "$mnt/program"
  [ "$(mode)" = 6777 ] || fail "root's '$change' cleared set-id: $(mode)"
  user sh -c "$change" "$mnt/program"
  [ "$(mode)" = 777 ] || fail "set-id bits outlived '$change': $(mode)"
done
say "set-id bits that came after the writer"
chown 0:0 "$mnt/program"
chmod 666 "$mnt/program"
mkfifo -m 666 "$scratch/turn"
# shellcheck disable=SC2016
user sh -c 'exec 3>>"$0"; echo opened >"$1"; read -r _ <"$1"; echo more >&3' "$mnt/program" "$scratch/turn" &
read -r _ <"$scratch/turn"
chmod 6777 "$mnt/program"
[ "$(mode)" = 6777 ] || fail "chmod did not set the bits"
echo "your turn" >"$scratch/turn"
wait $!
[ "$(mode)" = 777 ] || fail "set-id bits outlived a writer that had the file open before"
for owner in 1000 :1000 ''; do
  chmod 6755 "$mnt/program"
  python3 - "$mnt/program" "$owner" <<'PYTHON'
import os, sys
user, _, group = sys.argv[2].partition(":")
os.chown(sys.argv[1], int(user or -1), int(group or -1))
PYTHON
  [ "$(mode)" = 755 ] || fail "set-id bits outlived chown '$owner': $(mode)"
done

say "file capabilities"
capability=0x0100000200040000000000000000000000000000
for change in 'echo more >>"$0"' 'truncate -s 3 "$0"' 'chown 5 "$0"'; do
  setfattr -n security.capability -v $capability "$mnt/program"
  getfattr -n security.capability "$mnt/program" >/dev/null 2>&1 || fail "no capability was set"
  sh -c "$change" "$mnt/program"
  if getfattr -n security.capability "$mnt/program" >/dev/null 2>&1; then fail "a capability outlived '$change'"; fi
done

unmount_store
check_store
