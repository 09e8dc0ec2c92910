#!/usr/bin/env bash
# The generic tests of xfstests, with which Linux's own filesystems are tested, on a mount.
#
# The suite is not part of this tree. CIAOS_XFSTESTS names a folder in which somebody has built it
# (https://git.kernel.org/pub/scm/fs/xfs/xfstests-dev.git). CIAOS_XFSTESTS_RUN says what of it to run, as its `check` takes
# it: `-g quick` unless told otherwise. What fails and is not in _xfstests_known.txt fails this test.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
has_own_namespace || skip "there is no mount namespace to be had"
[ -n "${CIAOS_XFSTESTS-}" ] || skip "CIAOS_XFSTESTS does not name a folder with xfstests"
suite=$(realpath "$CIAOS_XFSTESTS")
[ -x "$suite/src/lstat64" ] || fail "$suite holds no xfstests that were built"
known=$(realpath "$(dirname "$0")/_xfstests_known.txt")
read -ra what <<<"${CIAOS_XFSTESTS_RUN:--g quick}"

stores=("$scratch/test_store" "$scratch/scratch_store")
leave_more() {
  local place
  for place in "${stores[@]}"; do
    store=$place
    for pid in $(daemon_pid); do kill "$pid"; done
    wait_for_daemon_end
  done
}
for place in "${stores[@]}"; do
  store=$place
  truncate -s "${CIAOS_XFSTESTS_BYTES:-30G}" "$place"
  "$CIAOSFS_BIN/mkfs.ciaos" -q --index "$place.index" "$place"
done

mkdir "$scratch/test" "$scratch/scratch" "$scratch/results" "$scratch/bin"
# The suite knows the type without what is behind its point.
printf '#!/bin/sh\n%s "$@" | sed "s/ fuse\\.ciaosfs / fuse /"\n' "$(command -v df)" >"$scratch/bin/df"
chmod +x "$scratch/bin/df"
cat >"$scratch/config" <<CONFIG
export FSTYP=fuse FUSE_SUBTYP=.ciaosfs
export TEST_DEV=${stores[0]} TEST_DIR=$scratch/test
export SCRATCH_DEV=${stores[1]} SCRATCH_MNT=$scratch/scratch
export RESULT_BASE=$scratch/results
export MOUNT_OPTIONS='-o relatime' TEST_FS_MOUNT_OPTS='-o relatime'
CONFIG

# In a mount namespace of its own: the helper in /sbin, and the users that the suite wants in /etc.
"${own_namespace[@]}" bash -euc '
  bin=$1 work=$2 suite=$3
  shift 3
  # Mounts of others, which this namespace would keep after their unmount.
  awk "\$3 ~ /^fuse/ { print \$2 }" /proc/self/mounts | while read -r place; do umount -l "$place"; done
  mkdir "$work/over"
  mount -t tmpfs none "$work/over"
  for place in sbin etc; do
    mkdir -p "$work/over/$place.upper" "$work/over/$place.work"
    lower=$(realpath "/$place")
    mount -t overlay -o "lowerdir=$lower,upperdir=$work/over/$place.upper,workdir=$work/over/$place.work" none "$lower"
  done
  ln -sf "$bin/ciaosfs" /sbin/mount.fuse.ciaosfs
  number=4001
  for user in fsgqa fsgqa2 123456-fsgqa; do
    grep -q "^$user:" /etc/passwd || echo "$user:x:$number:$number::/tmp:/bin/bash" >>/etc/passwd
    grep -q "^$user:" /etc/group || echo "$user:x:$number:" >>/etc/group
    number=$((number + 1))
  done
  cd "$suite"
  PATH=$work/bin:$PATH HOST_OPTIONS=$work/config ./check "$@"
' -- "$CIAOSFS_BIN" "$scratch" "$suite" "${what[@]}" >"$scratch/output" 2>&1 </dev/null || true

grep -E '^(Failures|Failed|Passed|Not run):' "$scratch/output" | cut -c1-300 || true
ran=$(sed -n 's/^Ran: //p' "$scratch/output" | wc -w)
failed=$(sed -n 's/^Failures: //p' "$scratch/output")
[ "$ran" -gt 0 ] || fail "no test was run: $(tail -5 "$scratch/output")"
if [ -n "${CIAOS_XFSTESTS_KEEP-}" ]; then cp -r "$scratch/results" "$scratch/output" "$CIAOS_XFSTESTS_KEEP"; fi
new=''
for name in $failed; do
  grep -q "^$name " "$known" || new+=" $name"
done
[ -z "$new" ] || fail "tests that fail and are not known to:$new"
say "$ran tests ran; failed as is known: ${failed:-none}"
for place in "${stores[@]}"; do
  store=$place
  wait_for_daemon_end
  "$CIAOSFS_BIN/fsck.ciaos" -n -f "$place" >/dev/null || fail "fsck.ciaos finds something in $place"
done
