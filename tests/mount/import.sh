#!/usr/bin/env bash
# ciaosctl import: what it copies past the mount is what cp -a or tar would have made, and the mount shows it at once.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 tar setfacl setfattr

ctl() { "$CIAOSFS_BIN/ciaosctl" "$@"; }
# Everything about a tree, contents and extended attributes too, one line a name.
tree_of() { python3 "$(dirname "$0")/_tree.py" "$1"; }

source=$scratch/source
mkdir -p "$source/deep/er" "$source/empty"
for number in $(seq 1 300); do head -c $((number * 37)) /dev/urandom >"$source/deep/small$number"; done
head -c 40000000 /dev/urandom >"$source/large"
truncate -s 64M "$source/sparse"
printf 'in the middle' | dd of="$source/sparse" bs=1 seek=30000000 conv=notrunc status=none
ln "$source/deep/small1" "$source/deep/er/linked"
ln -s ../large "$source/deep/symlink"
ln -s nowhere "$source/dangling"
mkfifo "$source/fifo"
mknod "$source/null" c 1 3
: >"$source/nothing"
chmod 4755 "$source/deep/small2"
chown 1000:1001 "$source/deep/small2" "$source/deep/small3"
chmod 4751 "$source/deep/small2"
setfattr -n user.colour -v blue "$source/deep/small4" "$source/deep"
setfacl -m u:1234:rw "$source/deep/small5"
setfacl -d -m g:1235:rx "$source/empty"
touch -h -d '1965-01-02 03:04:05.678' "$source/nothing" "$source/dangling"
touch -d '2100-01-02 03:04:05.678' "$source/deep/er"
chmod 500 "$source/deep"
cp -a "$source" "$scratch/source2"

format_store --volume-size 64M
mount_store

say "a directory"
ls "$mnt/source" >"$scratch/out" 2>&1 && fail "there already"
ctl import "$source" "$mnt" >"$scratch/out"
diff <(tree_of "$source") <(tree_of "$mnt/source") || fail "the copy differs"
[ "$(stat -c %i "$mnt/source/deep/small1")" = "$(stat -c %i "$mnt/source/deep/er/linked")" ] || fail "not the same file"
[ "$(stat -c %b "$mnt/source/sparse")" -lt 1000 ] || fail "holes were filled"
grep -q '^303 files, 4 directories and 5 others' "$scratch/out" || fail "it said $(cat "$scratch/out")"

say "again, over what is there, hot in the kernel's caches; durable when it ends"
printf 'changed' >"$source/deep/small7"
rm "$source/deep/small8"
rm "$mnt/source/deep/small9"
ls -l "$mnt/source/deep" >"$scratch/out"
cat "$mnt/source/deep/small7" >"$scratch/out"
ctl import "$source" "$mnt" >"$scratch/out"
[ "$(cat "$mnt/source/deep/small7")" = changed ] || fail "the mount shows what was"
kill_daemon
mount_store
cmp "$source/deep/small7" "$mnt/source/deep/small7"
cmp "$source/deep/small9" "$mnt/source/deep/small9"
[ -f "$mnt/source/deep/small8" ] || fail "what the source lacks was taken away"
rm "$mnt/source/deep/small8"
touch -r "$source/deep" "$mnt/source/deep"
diff <(tree_of "$source") <(tree_of "$mnt/source") || fail "the copy differs after a crash"

say "archives: plain, compressed, from a pipe"
# libarchive reads fractions of seconds before 1970 in the wrong direction.
touch -h -d '1965-01-02 03:04:05' "$source/nothing" "$source/dangling"
mkdir "$mnt/plain" "$mnt/packed" "$mnt/piped"
(cd "$source" && tar --xattrs --acls --sparse -cf "$scratch/a.tar" --format=posix .)
gzip -k -1 "$scratch/a.tar"
ctl import "$scratch/a.tar" "$mnt/plain" >"$scratch/out"
ctl import "$scratch/a.tar.gz" "$mnt/packed" >"$scratch/out"
ctl import - "$mnt/piped" <"$scratch/a.tar" >"$scratch/out"
for copy in plain packed piped; do diff <(tree_of "$source") <(tree_of "$mnt/$copy") || fail "$copy differs"; done

say "contents of a directory, two sources at once, as JSON"
mkdir "$mnt/both"
ctl --json import "$source/." "$scratch/source2" "$mnt/both" |
  python3 -c 'import json, sys; it = json.load(sys.stdin); assert it["files"] == 605 and it["failures"] == 0, it'
[ -d "$mnt/both/source2/deep" ] && [ -d "$mnt/both/deep" ] || fail "not where they belong"

say "what cannot be"
mkdir "$mnt/clash" "$mnt/clash/large"
code=0
ctl import "$source/." "$mnt/clash" >"$scratch/out" 2>"$scratch/error" || code=$?
[ "$code" = 1 ] && grep -q '^ciaosctl: large: Is a directory' "$scratch/error" || fail "$code: $(cat "$scratch/error")"
cmp "$source/deep/small10" "$mnt/clash/deep/small10"
printf 'no archive at all' >"$scratch/garbage"
if ctl import "$scratch/garbage" "$mnt" 2>"$scratch/error"; then fail "garbage was imported"; fi
if ctl import "$scratch/none" "$mnt" 2>"$scratch/error"; then fail "nothing was imported"; fi
if ctl import "$source" "$scratch" 2>"$scratch/error"; then fail "imported into no mount"; fi
python3 - "$scratch/evil.tar" <<'PYTHON'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w") as archive:
    for name in "../outside", "/absolute", "a/../../outside", "link":
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/tmp"
            archive.addfile(entry)
            entry = tarfile.TarInfo("link/through")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
PYTHON
mkdir "$mnt/evil"
code=0
ctl import "$scratch/evil.tar" "$mnt/evil" >"$scratch/out" 2>"$scratch/error" || code=$?
[ "$code" = 1 ] || fail "$code: $(cat "$scratch/error")"
[ "$(ls "$mnt/evil")" = $'absolute\nlink' ] || fail "there is $(ls "$mnt/evil")"
[ ! -e "$mnt/outside" ] && [ ! -e /tmp/through ] || fail "something got out"

say "a full store says so, and keeps what fitted"
head -c 60000000 /dev/urandom >"$source/large"
unmount_store
format_loop_store 100M
mount_store
code=0
ctl import "$source" "$scratch/source2" "$mnt" >"$scratch/out" 2>"$scratch/error" || code=$?
[ "$code" = 1 ] && grep -q 'No space left on device' "$scratch/error" || fail "$code: $(cat "$scratch/error")"
cmp "$source/deep/small10" "$mnt/source/deep/small10"
rm -r "$mnt/source"
unmount_store
check_store
