#!/usr/bin/env bash
# A directory of the store as the root of a mount (Q7), and its limit as the size of that mount (Q5).
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool setfattr

format_store --volume-size 16M
mount_store
mkdir -p "$mnt/team/ann/deep"
mkdir "$mnt/team/bob"
setfattr -n trusted.ciaos.quota.bytes -v 8M "$mnt/team/bob"
setfattr -n trusted.ciaos.quota.files -v 50 "$mnt/team/bob"
mkdir "$mnt/team/bob/deep"
echo below >"$mnt/team/bob/deep/file"
echo above >"$mnt/team/file"
unmount_store

say "the directory is all there is"
mount_store -o subdir=/team/bob
[ "$(ls "$mnt")" = deep ] || fail "the root shows $(ls "$mnt")"
[ "$(cat "$mnt/deep/file")" = below ] || fail "a file below reads otherwise"
[ "$(ls -a "$mnt" | tr '\n' ' ')" = ". .. deep " ] || fail "ls -a: $(ls -a "$mnt")"
[ "$(cd "$mnt/deep/.." && ls)" = deep ] || fail ".. does not lead back"
[ -s "$mnt/.ciaos/version" ] || fail "there is no .ciaos in the root"
[ "$(df -B1 --output=size "$mnt" | tail -1 | tr -d ' ')" = 8388608 ] || fail "df: $(df -B1 "$mnt")"
[ "$(df --output=itotal "$mnt" | tail -1 | tr -d ' ')" = 50 ] || fail "df -i: $(df -i "$mnt")"
if dd if=/dev/zero of="$mnt/large" bs=64K count=200 status=none 2>/dev/null; then fail "more than the limit was taken"; fi
[ "$(df --output=avail "$mnt" | tail -1)" -lt 100 ] || fail "a full tree shows room: $(df "$mnt")"
rm "$mnt/large"
mkdir "$mnt/new"
mv "$mnt/deep/file" "$mnt/new/file"
chmod 750 "$mnt"
unmount_store

say "and the store has what was done"
mount_store
[ "$(cat "$mnt/team/bob/new/file" "$mnt/team/file")" = $'below\nabove' ] || fail "what was moved is not there"
[ "$(stat -c %a "$mnt/team/bob")" = 750 ] || fail "chmod of the root"
unmount_store

say "what there is not"
for wrong in team/none team/file; do
  if "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" -o "subdir=$wrong" 2>"$scratch/said" </dev/null; then fail "subdir=$wrong was mounted"; fi
  [ "$(wc -l <"$scratch/said")" = 1 ] || fail "more than a line: $(cat "$scratch/said")"
  grep -q "subdir=$wrong" "$scratch/said" || fail "it said $(cat "$scratch/said")"
  ! mountpoint -q "$mnt" || fail "something is mounted"
  wait_for_daemon_end
done
check_store
