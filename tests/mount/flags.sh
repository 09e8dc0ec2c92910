#!/usr/bin/env bash
# chattr's immutable and append-only through a mount (P16), also where the kernel's caches would know better.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool chattr lsattr setpriv

flags() { lsattr -d "$1" | cut -d' ' -f1 | tr -d -- -; }
refused() { if "$@" 2>"$scratch/said"; then fail "not refused: $*"; fi; grep -q 'not permitted' "$scratch/said" || fail "$* said $(cat "$scratch/said")"; }
user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }

format_store --volume-size 64M
mount_store -o allow_other
mkdir "$mnt/d"
echo text >"$mnt/d/f"
chown 1000 "$mnt/d/f"
[ "$(flags "$mnt/d/f")" = '' ] || fail "a new file has flags"

say "immutable"
refused user chattr +i "$mnt/d/f"
chattr +i "$mnt/d/f"
for round in fresh remounted; do
  [ "$(flags "$mnt/d/f")" = i ] || fail "$round: lsattr does not show the flag"
  refused rm "$mnt/d/f"
  refused mv "$mnt/d/f" "$mnt/g"
  refused ln "$mnt/d/f" "$mnt/g"
  refused chmod 777 "$mnt/d/f"
  refused touch "$mnt/d/f"
  refused dd if=/dev/zero of="$mnt/d/f" bs=1 count=1 conv=notrunc status=none
  refused truncate -s 0 "$mnt/d/f"
  refused setfattr -n user.a -v b "$mnt/d/f"
  [ "$(cat "$mnt/d/f")" = text ] || fail "$round: an immutable file changed"
  unmount_store
  mount_store -o allow_other
done
chattr -i "$mnt/d/f"
echo more >>"$mnt/d/f"

say "append-only"
chattr +a "$mnt/d/f"
[ "$(flags "$mnt/d/f")" = a ] || fail "lsattr does not show the flag"
echo again >>"$mnt/d/f"
refused dd if=/dev/zero of="$mnt/d/f" bs=1 count=1 conv=notrunc status=none
refused truncate -s 0 "$mnt/d/f"
refused rm "$mnt/d/f"
[ "$(cat "$mnt/d/f")" = $'text\nmore\nagain' ] || fail "an append-only file holds $(cat "$mnt/d/f")"

say "directories"
chattr +i "$mnt/d"
refused touch "$mnt/d/new"
chattr -i "$mnt/d"
chattr +a "$mnt/d"
touch "$mnt/d/new"
refused rm "$mnt/d/new"
chattr -a "$mnt/d"
rm "$mnt/d/new"

say "what has no meaning here"
if chattr +c "$mnt/d" 2>/dev/null; then fail "chattr +c was not refused"; fi
unmount_store
check_store
