#!/usr/bin/env bash
# A mount as a layer of overlayfs, as container engines have it: as the one that is read, and as the one that is written.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
has_own_namespace || skip "there is no mount namespace to be had"
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || skip "this kernel has no overlayfs"

format_store --volume-size 4M
mount_store
mkdir "$mnt/lower" "$mnt/upper" "$mnt/work" "$scratch/merged"
mkdir "$mnt/lower/folder"
for name in kept changed deleted moved folder/inner; do echo "lower $name" >"$mnt/lower/$name"; done

"${own_namespace[@]}" bash -euc '
  mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$2"
  cd "$2"
  echo "upper" >>changed
  rm deleted
  mv moved elsewhere
  rm -r folder
  mkdir folder
  echo "new" >folder/new
' -- "$mnt" "$scratch/merged"

expect() { # PATH CONTENTS
  [ "$(cat "$mnt/upper/$1")" = "$2" ] || fail "$1 holds '$(cat "$mnt/upper/$1")' and not '$2'"
}
expect changed $'lower changed\nupper'
expect elsewhere 'lower moved'
expect folder/new 'new'
for name in deleted moved; do
  [ "$(stat -c '%F %t %T' "$mnt/upper/$name")" = 'character special file 0 0' ] || fail "$name is no whiteout"
done
[ "$(cat "$mnt/lower/deleted")" = 'lower deleted' ] || fail 'the layer below was changed'
[ ! -e "$mnt/upper/kept" ] || fail 'what nobody changed was copied'

"${own_namespace[@]}" bash -euc '
  mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$2"
  cd "$2"
  [ "$(find . -type f | sort | tr "\n" " ")" = "./changed ./elsewhere ./folder/new ./kept " ]
' -- "$mnt" "$scratch/merged" || fail 'a second overlay shows something else'
unmount_store
check_store
