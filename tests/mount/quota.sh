#!/usr/bin/env bash
# Limits of directory trees through a mount (Q1 to Q6): set with setfattr, met by dd and cp, shown by df, counted as du counts.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool setfattr getfattr setpriv

user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
limit() { setfattr -n "trusted.ciaos.quota.$2" -v "$3" "$1"; }
used() { getfattr --absolute-names --only-values -n "trusted.ciaos.usage.$2" "$1" 2>/dev/null; }
# over_quota COMMAND...: it fails, and says why.
over_quota() {
  if "$@" 2>"$scratch/said"; then fail "not refused: $*"; fi
  grep -q 'quota exceeded' "$scratch/said" || fail "$* said $(cat "$scratch/said")"
}
refused() { if "$@" 2>/dev/null; then fail "not refused: $*"; fi; }
expect_du() {
  [ "$(used "$1" bytes)" = "$(du -s -B1 "$1" | cut -f1)" ] || fail "$2: $(used "$1" bytes) bytes are counted, du has $(du -s -B1 "$1")"
  [ "$(used "$1" files)" = "$(find "$1" | wc -l)" ] || fail "$2: $(used "$1" files) files are counted, there are $(find "$1" | wc -l)"
}

format_store --volume-size 16M
mount_store -o allow_other
mkdir -m 777 "$mnt/ann" "$mnt/other"
ann=$mnt/ann

say "who may"
refused user setfattr -n trusted.ciaos.quota.bytes -v 1M "$ann"
refused user getfattr -n trusted.ciaos.usage.bytes "$ann"
echo text >"$mnt/other/file"
refused limit "$mnt/other" bytes 1M
limit "$ann" bytes 4M
limit "$ann" files 20
[ "$(getfattr --absolute-names --only-values -n trusted.ciaos.quota.bytes "$ann")" = 4194304 ] || fail "the limit is another"
[ -z "$(getfattr --absolute-names -d -m - "$ann")" ] || fail "limits are listed"

say "bytes, for users and for root, through the page cache and past it"
over_quota user dd if=/dev/zero of="$ann/large" bs=64K count=100 status=none
[ "$(stat -c %s "$ann/large")" -le 4194304 ] || fail "more than the limit was taken"
[ "$(stat -c %s "$ann/large")" -ge 4100000 ] || fail "less than the limit was taken"
expect_du "$ann" "at the limit"
over_quota dd if=/dev/zero of="$ann/more" bs=64K count=10 status=none
over_quota python3 -c 'import sys; f = open(sys.argv[1], "r+b", buffering=0); f.seek(0, 2); f.write(bytes(1 << 20))' "$ann/more"
over_quota fallocate -l 1M "$ann/more"
over_quota cp --reflink=never "$ann/large" "$ann/more"
user dd if=/dev/urandom of="$ann/large" bs=64K count=10 conv=notrunc,fsync status=none
truncate -s 1M "$ann/large"
dd if=/dev/zero of="$ann/more" bs=64K count=10 status=none
expect_du "$ann" "after truncating"

say "files"
for ((i = 0; i < 17; i++)); do user mkdir "$ann/d$i"; done
[ "$(used "$ann" files)" = 20 ] || fail "$(used "$ann" files) files are counted"
over_quota user mkdir "$ann/d17"
over_quota touch "$ann/d1/f"
over_quota ln -s x "$ann/d1/s"
ln "$ann/more" "$ann/d1/hard"
rm -r "$ann/d1"
touch "$ann/d2/f"
rm -r "$ann"/d*
expect_du "$ann" "after removing"

say "borders"
echo mine >"$ann/small"
refused ln "$ann/small" "$mnt/other/small"
refused ln "$mnt/other/file" "$ann/file"
mv "$mnt/other/file" "$ann/file"
mkdir -p "$mnt/other/deep/er"
echo deep >"$mnt/other/deep/er/file"
mv "$mnt/other/deep" "$ann/deep"
[ "$(cat "$ann/file" "$ann/deep/er/file")" = $'text\ndeep' ] || fail "mv across the border lost something"
expect_du "$ann" "after mv"
mv "$ann" "$mnt/other/ann"
ann=$mnt/other/ann

say "df"
[ "$(df -B1 --output=size "$ann/deep" | tail -1 | tr -d ' ')" = 4194304 ] || fail "df of a folder in the tree: $(df -B1 "$ann/deep")"
[ "$(df --output=itotal "$ann" | tail -1 | tr -d ' ')" = 20 ] || fail "df -i: $(df -i "$ann")"
[ "$(df -B1 --output=size "$mnt" | tail -1)" -gt 4194304 ] || fail "df of the whole: $(df -B1 "$mnt")"

say "after a crash, and without the index"
for ((i = 0; i < 6; i++)); do head -c $((i * 10000 + 77)) /dev/urandom >"$ann/f$i"; done
make_durable
for ((i = 0; i < 3; i++)); do head -c 50000 /dev/urandom >>"$ann/f$i"; done
rm "$ann/f4"
kill_daemon
mount_store -o allow_other
expect_du "$ann" "after a crash"
unmount_store
check_store
delete_index
mount_store -o allow_other
expect_du "$ann" "without the index"
over_quota dd if=/dev/zero of="$ann/large" bs=64K count=100 status=none
rm -r "${ann:?}"/*
[ "$(used "$ann" bytes)/$(used "$ann" files)" = 0/1 ] || fail "an empty directory counts $(used "$ann" bytes)/$(used "$ann" files)"
setfattr -x trusted.ciaos.quota.bytes "$ann"
setfattr -x trusted.ciaos.quota.files "$ann"
refused getfattr -n trusted.ciaos.usage.bytes "$ann"
rmdir "$ann"
unmount_store
check_store
