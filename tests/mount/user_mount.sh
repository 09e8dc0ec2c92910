#!/usr/bin/env bash
# A user without privileges formats, mounts, uses and unmounts a store of their own through fusermount3; nobody else gets in,
# not even root.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool setpriv fusermount3 unshare diff

# fusermount3 asks for the user's name, so it must be one that every system has.
uid=$(id -u nobody) gid=$(id -g nobody)
user() { setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"; }

[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not set-user-id here"
[ -e /etc/mtab ] || skip "without /etc/mtab fusermount3 does not unmount"
user test -x "$CIAOSFS_BIN/ciaosfs" || skip "other users cannot reach $CIAOSFS_BIN"
if ! user test -w /dev/fuse; then
  # Distributions open the device to everybody. Where it is root's alone, this test has one of its own, out of the others' sight.
  [ -z "${CIAOS_OWN_DEVICE-}" ] || skip "a device node of this test's own cannot be opened"
  has_own_namespace || skip "a device node of this test's own needs a mount namespace"
  trap - EXIT
  rm -rf "$scratch"
  exec env CIAOS_OWN_DEVICE=yes "${own_namespace[@]}" bash -c 'mount -t tmpfs -o mode=755 none /mnt && mknod -m 666 /mnt/fuse c 10 229 &&
    mount --bind /mnt/fuse /dev/fuse || exit 77; exec bash "$0"' "$0"
fi

chown "$uid:$gid" "$scratch" "$mnt"
user "$CIAOSFS_BIN/mkfs.ciaos" -q "$store"
user "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" </dev/null
grep -F " $mnt fuse.ciaosfs " /proc/self/mounts | grep -q 'nosuid,nodev' || fail "a user's mount is to be nosuid,nodev"

say "the user works"
user bash -euc 'cd "$1"; mkdir a; echo hello >a/file; ln a/file a/hard; ln -s file a/soft; chmod 4755 a/file
  [ "$(stat -c "%u:%g %a %h" a/file)" = "$2:$3 4755 2" ]; cp -a a b; sync a/file' -- "$mnt" "$uid" "$gid"
if user mknod "$mnt/null" c 1 3 2>/dev/null; then fail "a user made a device node"; fi
if user chown 0 "$mnt/a/file" 2>/dev/null; then fail "a user gave a file to root"; fi

say "nobody else does"
if ls "$mnt" 2>/dev/null; then fail "root looked into a user's mount without allow_other"; fi
if setpriv --reuid=60002 --regid=60002 --clear-groups ls "$mnt" 2>/dev/null; then fail "another user looked in"; fi

say "unmounted and mounted again by the user"
user fusermount3 -u "$mnt"
wait_for_daemon_end
user "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" </dev/null
[ "$(user cat "$mnt/a/hard")" = hello ] || fail "the file is lost"
user diff -r "$mnt/a" "$mnt/b"
user fusermount3 -u "$mnt"
wait_for_daemon_end
check_store
