#!/usr/bin/env bash
# File, environment and options: each takes effect on a mount, the later over the earlier, and --print-config tells.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse

export CIAOSFS_CONFIG=$scratch/ciaosfs.conf
format_store
is_mounted() { grep -E " $mnt fuse.ciaosfs $1[, ]" /proc/self/mounts >/dev/null || fail "not mounted $1: $2"; }
told() {
  local expected=$1
  shift
  "$CIAOSFS_BIN/ciaosfs" --print-config "$@" | tr -s ' ' | grep -F -- "$expected" >/dev/null ||
    fail "--print-config $*: no $expected"
}

say "the file"
printf '[mount]\nread_only = true\nscratch = "%s"\n' "$scratch" >"$CIAOSFS_CONFIG"
mount_store
is_mounted ro "the file says so"
unmount_store
told "read_only = true # $CIAOSFS_CONFIG:2"

say "the environment over the file"
export CIAOSFS_READ_ONLY=false
mount_store
is_mounted rw "the environment says so"
unmount_store
told "read_only = false # CIAOSFS_READ_ONLY"

say "options over both"
mount_store -o ro
is_mounted ro "the option says so"
unmount_store
told "read_only = true # option" -o ro
unset CIAOSFS_READ_ONLY

say "errors name file and line, and nothing is mounted"
refused() {
  local status=0 message
  message=$("$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" 2>&1) || status=$?
  [ $status = 1 ] || fail "exit code $status, not 1: $message"
  case $message in *"$1"*) ;; *) fail "'$message' does not say '$1'" ;; esac
  ! mountpoint -q "$mnt" || fail "mounted all the same"
}
printf '[mount]\ncommit = 5\nfrob = 1\n' >"$CIAOSFS_CONFIG"
refused "ciaosfs.conf:3: there is no frob"
printf '[mount]\n\ncommit = 0\n' >"$CIAOSFS_CONFIG"
refused "ciaosfs.conf:3: mount option commit=0"
rm "$CIAOSFS_CONFIG"
refused "ciaosfs.conf: No such file"
