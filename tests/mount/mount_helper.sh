#!/usr/bin/env bash
# As mount(8) calls it: the real mount, fstab-like options, read-only, remount after unmount, refusal of a second opener.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool unshare

format_store
helper=$scratch/mount.fuse.ciaosfs
ln -s "$CIAOSFS_BIN/ciaosfs" "$helper"

say "called as mount calls it"
"$helper" "$store" "$mnt" -o rw,noatime,_netdev,nofail </dev/null
grep -F " $mnt fuse.ciaosfs " /proc/self/mounts || fail "not mounted as fuse.ciaosfs"
echo hello >"$mnt/file"

say "a second opener is refused with the owner's pid"
mkdir "$scratch/second"
if "$CIAOSFS_BIN/ciaosfs" "$store" "$scratch/second" -o wait=0 </dev/null 2>"$scratch/errors"; then
  umount "$scratch/second"
  fail "the same store was mounted twice"
fi
cat "$scratch/errors"
grep -wq "$(daemon_pid)" "$scratch/errors" || fail "the message does not name process $(daemon_pid)"
[ "$(wc -l <"$scratch/errors")" = 1 ] || fail "one line was wanted"

say "an unmount that still flushes is waited for by the next mount"
head -c 20000000 /dev/urandom >"$mnt/large"
sum=$(sha256sum <"$mnt/large")
umount "$mnt"
mount_store -o ro
[ "$(sha256sum <"$mnt/large")" = "$sum" ] || fail "the large file differs after unmount and mount"
grep " $mnt fuse.ciaosfs ro[, ]" /proc/self/mounts || fail "not mounted read-only"
if touch "$mnt/new" 2>/dev/null; then fail "a read-only mount was written"; fi
unmount_store

say "SIGTERM flushes and unmounts"
mount_store
echo last >"$mnt/last"
kill -TERM "$(daemon_pid)"
wait_for_daemon_end
if grep -qF " $mnt " /proc/self/mounts; then fail "still mounted after SIGTERM"; fi
mount_store
[ "$(cat "$mnt/last")" = last ] || fail "what was written before SIGTERM is lost"
unmount_store

say "by mount(8) itself, in a mount namespace that has the helper in /sbin"
sbin=$(realpath /sbin)
mkdir "$scratch/overlay" && mount -t tmpfs none "$scratch/overlay"
mkdir "$scratch/overlay/upper" "$scratch/overlay/work"
ln -s "$CIAOSFS_BIN/ciaosfs" "$scratch/overlay/upper/mount.fuse.ciaosfs"
if unshare -m mount -t overlay -o "lowerdir=$sbin,upperdir=$scratch/overlay/upper,workdir=$scratch/overlay/work" \
  none "$sbin" 2>/dev/null; then
  unshare -m --propagation slave bash -euc '
    mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$1"
    mount -t fuse.ciaosfs "$3" "$4" -o noatime,nofail
    grep -F " $4 fuse.ciaosfs " /proc/self/mounts
    test "$(cat "$4/file")" = hello
    umount "$4"' -- "$sbin" "$scratch/overlay" "$store" "$mnt" || mounted=failed
  umount "$scratch/overlay"
  [ "${mounted-}" != failed ] || fail "mount -t fuse.ciaosfs"
  wait_for_daemon_end
else
  umount "$scratch/overlay"
  say "left out: no overlay filesystem to put the helper into /sbin with"
fi
check_store
