# shellcheck shell=bash
# Sourced by the tests of this folder: a store in a folder of its own, mounted; gone when the test ends.
#
# A test says what it needs (need_root_and_fuse, need_tool), formats (format_store), mounts (mount_store) and checks with
# plain commands under `set -e`. Exit code 77 with one line tells ctest that this machine cannot run it.
set -euo pipefail

: "${CIAOSFS_BIN:?the folder with ciaosfs, mkfs.ciaos and fsck.ciaos}"
CIAOSFS_BIN=$(realpath "$CIAOSFS_BIN")

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
say() { printf -- '-- %s\n' "$*"; }

need_root_and_fuse() {
  [ "$(id -u)" = 0 ] || skip "mounting needs root"
  [ -c /dev/fuse ] || skip "there is no /dev/fuse"
}
need_tool() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
  done
}

# A mount namespace of its own for a command: its mounts are gone with it.
own_namespace=(unshare -m --propagation slave)
# In a chroot whose root is no mountpoint the kernel refuses one.
has_own_namespace() { "${own_namespace[@]}" true 2>/dev/null || { say "left out: there is no mount namespace to be had"; return 1; }; }

scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/ciaosfs-test.XXXXXX")
chmod 755 "$scratch"
mnt=$scratch/mnt
mkdir "$mnt"
store=$scratch/store        # what is formatted and mounted; a test may say another place
index=$scratch/index        # only for stores that do not hold their index
loop_device=''

# The process that serves our store: our program, with the store among its arguments.
daemon_pid() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/exe")" = "$CIAOSFS_BIN/ciaosfs" ] &&
      tr '\0' '\n' <"$process/cmdline" | grep -xF -e "$store" >/dev/null; then
      echo "${process#/proc/}"
    fi
  done 2>/dev/null
}

# Until command $1... succeeds.
wait_until() {
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    ! "$@" || return 0
    sleep 0.1
  done
  fail "after half a minute still not: $*"
}

wait_for_daemon_end() {
  local tenths
  for ((tenths = 0; tenths < 600; tenths++)); do
    [ -n "$(daemon_pid)" ] || return 0
    sleep 0.1
  done
  fail "the daemon still runs after a minute"
}

# What a test has beyond that and takes away itself: it defines this anew. (A trap of its own would lose the exit code.)
leave_more() { :; }

leave_nothing() {
  local status=$?
  trap - EXIT
  set +e
  leave_more
  local pid place
  for place in $(awk -v under="$scratch/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts | tac); do
    umount "$place" 2>/dev/null || umount -l "$place"
  done
  for pid in $(daemon_pid); do kill -9 "$pid"; done
  if [ -n "$loop_device" ]; then losetup -d "$loop_device"; fi
  rm -rf "$scratch"
  exit $status
}
trap leave_nothing EXIT

format_store() { "$CIAOSFS_BIN/mkfs.ciaos" -q "$@" "$store"; }

# A raw store on a loop device of $1 bytes (as truncate takes them), its index in the scratch folder.
format_loop_store() {
  truncate -s "$1" "$scratch/image"
  loop_device=$(losetup --find --show "$scratch/image") || skip "there is no loop device"
  store=$loop_device
  format_store --index "$index"
}

# CIAOS_MOUNT_OPTIONS is added to every mount: whole tests run another way by it, as with rings=on.
# An XFS of its own on $host, for a store or a device to lie on, that a test may shut down: as a power cut would leave it.
host=$scratch/host
mount_host() { mount -o loop "$scratch/host_image" "$host"; }
make_host() {
  mkdir "$host"
  truncate -s 1G "$scratch/host_image"
  mkfs.xfs -q "$scratch/host_image"
  mount_host || skip "XFS cannot be mounted from a loop device"
}
# XFS_IOC_GOINGDOWN with XFS_FSOP_GOING_FLAGS_NOLOGFLUSH.
shut_host_down() {
  host_down=$(python3 - "$host" <<'PYTHON'
import fcntl, os, struct, sys, time
host = os.open(sys.argv[1], os.O_RDONLY)
begun = time.monotonic()
fcntl.ioctl(host, 0x8004587D, struct.pack("I", 2))
print(begun, time.monotonic() + 1)
PYTHON
  )
}
# unhear_the_end BOOKS: an fdatasync(2) that is under way when XFS is shut down may answer 0 though its log never got out, since
# the inodes of an aborted log count as clean (natively 14 of 201,827, 4 to 10 ms after the shutdown began, each the last of its
# process; Linux 6.18). A power cut answers nobody. What comes a second later is held against the books again.
unhear_the_end() {
  # shellcheck disable=SC2086  # two times
  python3 "$(dirname "$0")/_ledger.py" unhear "$1" $host_down
}

mount_store() {
  "$CIAOSFS_BIN/ciaosfs" "$store" "$mnt" ${CIAOS_MOUNT_OPTIONS:+-o "$CIAOS_MOUNT_OPTIONS"} "$@" </dev/null
  mountpoint -q "$mnt" || fail "ciaosfs said it mounted, but $mnt is no mount point"
}

# As mount_store, and what the daemon logs goes to $log.
log=$scratch/log
mount_logged() {
  local tenths
  "$CIAOSFS_BIN/ciaosfs" -f "$store" "$mnt" "$@" </dev/null 2>>"$log" &
  for ((tenths = 0; tenths < 300; tenths++)); do
    ! mountpoint -q "$mnt" || return 0
    sleep 0.1
  done
  fail "not mounted after half a minute: $(cat "$log")"
}

unmount_store() {
  umount "$mnt"
  wait_for_daemon_end
}

kill_daemon() {
  local pid
  pid=$(daemon_pid)
  [ -n "$pid" ] || fail "no process serves $store"
  kill -9 "$pid"
  wait_for_daemon_end
  umount "$mnt"
}

# sync(2) ends in the kernel for a FUSE mount. The fsync of a file that is new then commits everything that came before;
# an fsync of what did not change would have nothing to do.
make_durable() {
  sync -f "$mnt"
  echo "now" >"$mnt/.synced"
  sync "$mnt/.synced"
}

delete_index() {
  if [ -d "$store/index" ]; then
    rm -rf "${store:?}/index"
  else
    rm -rf "${index:?}"
  fi
}

check_store() { "$CIAOSFS_BIN/fsck.ciaos" -n "$store" || fail "fsck.ciaos -n: exit code $?"; }

# One line for each regular file below $1: its SHA-256 and its path there.
sums_of() { (cd "$1" && find . -type f ! -name .synced -print0 | sort -z | xargs -0 -r sha256sum); }
