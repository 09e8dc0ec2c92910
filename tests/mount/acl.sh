#!/usr/bin/env bash
# Access control lists under the kernel that checks them, held against another filesystem of this machine: the same
# commands, by root and by others, give the same lists, modes and refusals (doc/semantics.md, P20).
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool setfacl getfacl setpriv diff

# Where the comparison is made: XFS on a loop device, or whatever the scratch folder is on.
other=$scratch/other
mkdir "$other"
if command -v mkfs.xfs >/dev/null && truncate -s 400M "$scratch/xfs" && mkfs.xfs -q "$scratch/xfs" &&
  mount -o loop "$scratch/xfs" "$other" 2>/dev/null; then
  say "held against XFS"
else
  say "held against $(stat -f -c %T "$other")"
fi
touch "$other/probe"
setfacl -m u:1:r "$other/probe" 2>/dev/null || skip "no filesystem with access control lists to hold it against"
rm "$other/probe"

as_user() { setpriv --reuid="$1" --regid="$2" --clear-groups "${@:3}"; }
as_member() { setpriv --reuid="$1" --regid="$2" --groups="$3" "${@:4}"; }
alice() { as_user 60001 60001 "$@"; }
bob() { as_user 60002 60002 "$@"; }
carol() { as_member 60003 60003 60077 "$@"; }

# What a command said and whether it worked. Its complaints name programs, not filesystems.
try() {
  echo "\$ $*"
  "$@" 2>&1 && echo "worked" || echo "refused"
}
lists_of() {
  find . ! -type l | LC_ALL=C sort | getfacl -n -
  find . -printf '%P %M %U:%G\n' | LC_ALL=C sort
}

story() {
  umask 022
  chmod 777 .
  echo "-- an owner gives one user more"
  alice sh -c 'mkdir private && echo secret >private/file && chmod 700 private && chmod 600 private/file'
  try bob cat private/file
  try alice setfacl -m u:60002:x private
  try bob cat private/file
  try alice setfacl -m u:60002:rw private/file
  try bob cat private/file
  try bob sh -c 'echo more >>private/file'
  try bob chmod 666 private/file
  try bob setfacl -m u:60003:rw private/file
  try carol cat private/file
  lists_of
  echo "-- the mask takes away, and chmod is the mask"
  try alice chmod 600 private/file
  try bob cat private/file
  lists_of
  try alice chmod 640 private/file
  try bob cat private/file
  try bob sh -c 'echo more >>private/file'
  try alice setfacl -m m::rw private/file
  try bob sh -c 'echo more >>private/file'
  echo "-- groups, as a further group"
  try setfacl -m g:60077:r private/file
  try setfacl -m g:60077:x private
  try carol cat private/file
  try carol sh -c 'echo more >>private/file'
  try setfacl -x g:60077 private/file
  try carol cat private/file
  lists_of
  echo "-- a user's entry is theirs, however much the others have"
  echo open >open
  try setfacl -m u:60002:- open
  try bob cat open
  try alice cat open
  try setfacl -b open
  try bob cat open
  lists_of
  echo "-- what is made below a default list"
  alice mkdir team
  try alice setfacl -d -m u:60002:rwx,g:60077:rx,o::- team
  try alice setfacl -m u:60002:rwx team
  alice sh -c 'umask 077; echo 1 >team/file; mkdir team/folder; ln -s file team/link; mkfifo team/fifo'
  bob sh -c 'umask 000; echo 2 >team/by_bob; mkdir team/folder/deeper; echo 3 >team/folder/deeper/file'
  alice sh -c 'cd team; install -m 711 /dev/null program; cp -p file copy; mv copy moved; ln file hard'
  lists_of
  try bob cat team/file
  try carol ls team/folder
  try alice setfacl -k team
  alice sh -c 'umask 027; echo 4 >team/later; mkdir team/later_folder'
  lists_of
  echo "-- set-group-id goes when who gives the list is not in the group"
  alice touch tool
  chown 60001:60077 tool
  chmod 2755 tool
  try alice setfacl -m u:60002:rx tool
  lists_of
  chown 60003:60077 tool
  chmod 2755 tool
  try carol setfacl -m u:60002:r tool
  lists_of
  echo "-- refusals"
  try alice setfacl -d -m u:60002:r private/file
  ln -s open symlink
  try setfacl -m u:60002:r symlink
  try setfacl -n -m u:60002:r --set u::r,g::r,o::r,u:60002:r private/file
  lists_of
  echo "-- copied with everything"
  try cp -a team copy_of_team
  try bash -c 'getfacl -n -R private | sed "s/private/again/" >/dev/null && getfacl -R private >backup'
  try setfacl -R -b private
  try setfacl --restore=backup
  lists_of
}

format_store --volume-size 64M
mount_store
mkdir "$mnt/here" "$other/here"
(cd "$other/here" && story) >"$scratch/expected" || fail "the story on the other filesystem"
(cd "$mnt/here" && story) >"$scratch/found" || fail "the story on the mount"
grep -q '^refused' "$scratch/expected" || fail "nothing was refused: is this user root everywhere?"
grep -q '^default:user:60002:rwx' "$scratch/expected" || fail "the story has no default list"
diff "$scratch/expected" "$scratch/found" || fail "the mount differs from the other filesystem"

say "mounted again"
unmount_store
mount_store
diff <(cd "$other/here" && lists_of) <(cd "$mnt/here" && lists_of) || fail "the lists differ after a remount"
unmount_store
check_store
