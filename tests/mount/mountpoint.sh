#!/usr/bin/env bash
# Where a store is mounted: never where it would hide what the daemon itself needs or lie inside of that, never on a mount that
# is dead; and the end of a mount takes nobody else's away.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool unshare setpriv

ciaosfs=$CIAOSFS_BIN/ciaosfs
superblock() { sha256sum <"$store/superblock"; }

# refused CODE PATTERN COMMAND...: soon, in one line that matches, and without a new epoch.
refused() {
  local code=0 expected=$1 pattern=$2 before
  before=$(superblock)
  shift 2
  timeout -s KILL 60 "$@" </dev/null >"$scratch/errors" 2>&1 || code=$?
  sed 's/^/   /' "$scratch/errors"
  [ $code = "$expected" ] || fail "exit code $code instead of $expected: $*"
  [ "$(wc -l <"$scratch/errors")" = 1 ] || fail "one line was wanted: $*"
  grep -qE -e "$pattern" "$scratch/errors" || fail "nothing about '$pattern': $*"
  [ "$(superblock)" = "$before" ] || fail "the superblock changed: $*"
  if grep -q "fuse.ciaosfs" /proc/self/mounts && [ -n "$(daemon_pid)" ]; then fail "it is mounted: $*"; fi
}

format_store --volume-size 4M --index "$scratch/index"
mkdir -p "$store/mnt" "$scratch/index/below" "$scratch/for_copies/mnt"

say "above, in or below the store, its index and its scratch folder"
refused 32 "would hide its own store $store; name" "$ciaosfs" "$store" "$store"
refused 32 "would hide its own store $store; name" "$ciaosfs" "$store" "$scratch"
refused 32 "$store/volumes lies inside of its own store $store; name" "$ciaosfs" "$store" "$store/volumes"
refused 32 "$store/mnt lies inside of its own store $store; name" "$ciaosfs" "$store" "$store/mnt"
ln -s "$store/volumes" "$scratch/link"
refused 32 "$store/volumes lies inside" "$ciaosfs" "$store" "$scratch/link"
refused 32 "would hide its own index $scratch/index;" "$ciaosfs" "$store" "$scratch/index"
refused 32 "$scratch/index/below lies inside" "$ciaosfs" "$store" "$scratch/index/below"
refused 32 "would hide its own index $mnt/other;" "$ciaosfs" "$store" "$mnt" -o index="$mnt/other"
refused 32 "would hide its own scratch folder $scratch/for_copies" "$ciaosfs" "$store" "$scratch/for_copies" -o ro,scratch="$scratch/for_copies"
[ -z "$(ls "$mnt")" ] || fail "something was made in $mnt"
rmdir "$scratch/index/below"
mnt_before=$mnt
mnt=$scratch/for_copies/mnt
mount_store -o ro,scratch="$scratch/for_copies"
unmount_store
mnt=$mnt_before

say "a user who may not mount there"
if [ -u "$(command -v fusermount3)" ] && has_own_namespace; then
  chown -R nobody "$store" "$scratch/index"
  refused 2 "fusermount3: .*; see fusermount3" "${own_namespace[@]}" bash -ec '
    mount -t tmpfs -o mode=755 none /dev
    mknod -m 666 /dev/null c 1 3
    mknod -m 666 /dev/fuse c 10 229
    exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' -- "$ciaosfs" "$store" "$mnt"
  chown -R root "$store" "$scratch/index"
fi

say "/dev/fuse is something else"
if has_own_namespace; then
  for made in "mknod -m 666 /dev/fuse c 1 3" "touch /dev/fuse"; do
    refused 2 '/dev/fuse is something else than the device of FUSE; load' "${own_namespace[@]}" bash -ec "
      mount -t tmpfs -o mode=755 none /dev
      mknod -m 666 /dev/null c 1 3
      $made"'
      exec "$@"' -- "$ciaosfs" "$store" "$mnt"
  done
fi

say "a mount whose daemon was killed is not mounted over"
mount_store
stat "$mnt" >/dev/null  # which the kernel then remembers
kill -9 "$(daemon_pid)"
wait_for_daemon_end
refused 32 "$mnt: a mount whose daemon has died is in the way; remove it with umount" "$ciaosfs" "$store" "$mnt"
umount "$mnt"

say "what is mounted over it stays when it ends"
mount_store
mount -t tmpfs over "$mnt"
echo kept >"$mnt/file"
kill -TERM "$(daemon_pid)"
wait_for_daemon_end
[ "$(cat "$mnt/file")" = kept ] || fail "the filesystem that was mounted over it is gone"
umount "$mnt"
umount "$mnt"
mount_store
unmount_store
if grep -F " $mnt " /proc/self/mounts; then fail "something is left"; fi
check_store
