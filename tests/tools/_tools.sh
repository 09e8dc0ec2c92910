# shellcheck shell=bash
# Sourced by the shell tests of mkfs.ciaos and fsck.ciaos: a scratch folder, loop devices that go away, and checks that say
# what they checked.
set -u

: "${CIAOSFS_BIN:?the folder with the built programs}"
mkfs=$CIAOSFS_BIN/mkfs.ciaos
fsck=$CIAOSFS_BIN/fsck.ciaos
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/ciaos-tools.XXXXXX")
export TMPDIR=$scratch
loops=()

clean_up() {
  local loop
  for loop in "${loops[@]+"${loops[@]}"}"; do
    umount "$loop" 2>/dev/null
    losetup -d "$loop"
  done
  rm -rf "$scratch"
}
trap clean_up EXIT

skip() {
  echo "skipped: $1"
  exit 77
}

for program in "$mkfs" "$fsck"; do
  [ -x "$program" ] || skip "there is no $program"
done

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# exits CODE COMMAND...: its output is in $out (standard output) and $err afterwards.
exits() {
  local expected=$1 code=0
  shift
  "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
  out=$(cat "$scratch/out")
  err=$(cat "$scratch/err")
  [ $code = "$expected" ] || fail "exit code $code instead of $expected: $*
$out
$err"
}

says() {
  case "$out
$err" in
  *"$1"*) ;;
  *) fail "nothing about \"$1\" in: $out $err" ;;
  esac
}

# image NAME SIZE: an empty image file.
image() {
  truncate -s "$2" "$scratch/$1"
}

need_loop_devices() {
  [ "$(id -u)" = 0 ] || skip "only root can attach loop devices"
  losetup -f >/dev/null 2>&1 || skip "there are no loop devices"
}

# attach FILE: $loop is a loop device over it.
attach() {
  loop=$(losetup -f --show "$1") || skip "no loop device can be attached"
  loops+=("$loop")
}
