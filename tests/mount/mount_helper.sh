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

say "other flags while it is mounted"
remounted() { "$helper" "$store" "$mnt" -o "$1" </dev/null; }
remounted remount,ro,noatime,user_id=0,group_id=0,max_read=1048576
grep " $mnt fuse.ciaosfs ro[, ]" /proc/self/mounts || fail "not read-only"
if touch "$mnt/new" 2>/dev/null; then fail "a mount that is read-only now was written"; fi
remounted remount,rw,nosuid,noatime
touch "$mnt/new" || fail "not writable again"
grep " $mnt fuse.ciaosfs rw,nosuid," /proc/self/mounts || fail "not nosuid"
exec 5>"$mnt/new"
if remounted remount,ro 2>"$scratch/errors"; then fail "read-only, although a file is open for writing"; fi
grep -q "open for writing; close them" "$scratch/errors" || fail "$(cat "$scratch/errors")"
exec 5>&-
if "$helper" "$store" "$scratch/second" -o remount,ro </dev/null 2>"$scratch/errors"; then fail "nothing is mounted there"; fi
grep -q "nothing is mounted there" "$scratch/errors" || fail "$(cat "$scratch/errors")"

say "an unmount that still flushes is waited for by the next mount"
head -c 20000000 /dev/urandom >"$mnt/large"
sum=$(sha256sum <"$mnt/large")
umount "$mnt"
mount_store -o ro
[ "$(sha256sum <"$mnt/large")" = "$sum" ] || fail "the large file differs after unmount and mount"
grep " $mnt fuse.ciaosfs ro[, ]" /proc/self/mounts || fail "not mounted read-only"
if touch "$mnt/new2" 2>/dev/null; then fail "a read-only mount was written"; fi
if remounted remount,rw 2>"$scratch/errors"; then fail "writable, by a daemon that only reads"; fi
grep -q "was mounted read-only; unmount it" "$scratch/errors" || fail "$(cat "$scratch/errors")"
grep " $mnt fuse.ciaosfs ro[, ]" /proc/self/mounts || fail "no longer read-only"
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
  "${own_namespace[@]}" bash -euc '
    mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$1"
    mount -t fuse.ciaosfs "$3" "$4" -o noatime,nofail
    grep -F " $4 fuse.ciaosfs " /proc/self/mounts
    test "$(cat "$4/file")" = hello
    mount -o remount,ro "$4"
    grep -F " $4 fuse.ciaosfs ro," /proc/self/mounts
    mount -o remount,rw "$4"
    touch "$4/file"
    umount "$4"' -- "$sbin" "$scratch/overlay" "$store" "$mnt" || mounted=failed
  umount "$scratch/overlay"
  [ "${mounted-}" != failed ] || fail "mount -t fuse.ciaosfs"
  wait_for_daemon_end
else
  umount "$scratch/overlay"
  say "left out: no overlay filesystem to put the helper into /sbin with"
fi
check_store
