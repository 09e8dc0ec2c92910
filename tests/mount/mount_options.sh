#!/usr/bin/env bash
# Every mount option that ciaosfs --help names does what it says on a real mount, or is passed over; sync and dirsync hold.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool findmnt

ciaosfs=$CIAOSFS_BIN/ciaosfs
format_store --volume-size 4M

# shown OPTIONS WORD...: mounted so, the kernel lists each word; with a ! in front it does not.
shown() {
  local options=$1 word list
  shift
  mount_store -o "$options"
  list=,$(findmnt -n -o VFS-OPTIONS,FS-OPTIONS,SOURCE,FSTYPE "$mnt" | tr -s ' ' ','),
  for word in "$@"; do
    case $word in
      !*) case $list in *",${word#!},"*) fail "with $options there is ${word#!}: $list" ;; esac ;;
      *) case $list in *",$word,"*) ;; *) fail "with $options there is no $word: $list" ;; esac ;;
    esac
  done
  unmount_store
}

say "what the kernel is told"
shown rw rw !ro
shown ro ro
shown nodev,nosuid,noexec nodev nosuid noexec
shown nodev,nosuid,noexec,dev,suid,exec !nodev !nosuid !noexec
shown sync sync
shown dirsync dirsync
shown sync,async !sync
shown noatime noatime
shown relatime !noatime
shown strictatime !noatime
shown allow_other allow_other
shown noallow_other !allow_other
shown fsname=somewhere,subtype=special somewhere fuse.special

say "what is passed over"
shown nodiratime,diratime,defaults,auto,noauto,user,nouser,users,owner,group,nofail,_netdev,silent,loud,mand,nomand rw
shown comment=x,uhelper=y,x-systemd.automount,X-mount.mkdir,default_permissions,debug rw

say "the others"
mkdir "$scratch/for_copies"
mount_store
mkdir "$mnt/part"
unmount_store
shown "subdir=part,nosuid" nosuid
mount_store
rmdir "$mnt/part"
unmount_store
shown "commit=3600,mem=16M,compact=0,scrub=0,scrub_interval=0,wait=0,open=cached,rings=off,socket=none,slow=0" rw
shown "index=$scratch/elsewhere,ro,scratch=$scratch/for_copies,open=auto,rings=auto,socket=$scratch/socket,socket_user=nobody" ro
"$ciaosfs" "$mnt" -o backend=mock,size=64M </dev/null
[ "$(findmnt -n -o SOURCE "$mnt")" = mock ] || fail "no mock"
umount "$mnt"
named=$("$ciaosfs" --help | sed -n '/^Mount options:/,$s/^  \([^ ].*\)$/\1/p' | sed 's/  .*//; s/=[A-Z]*//g' | tr ' ' '\n' | sort -u)
for option in $named; do
  grep -q -e "[ ,\"]${option%%\**}" "$0" || case $option in
    device | remount) ;; # of a store of several; of mount(8), in mount_helper.sh
    *) fail "$option is in --help and not in this test" ;;
  esac
done

say "a read is noted although the kernel has the pages"
atime() { stat -c %x "$mnt/read"; }
mount_store -o relatime
echo once >"$mnt/read"
cat "$mnt/read" >"$scratch/read"
first=$(atime)
cat "$mnt/read" >"$scratch/read"
[ "$(atime)" = "$first" ] || fail "relatime moved the time of access again"
chmod 600 "$mnt/read"
cat "$mnt/read" >"$scratch/read"
[ "$(atime)" != "$first" ] || fail "relatime did not move the time of access of what had changed"
rm "$mnt/read"
unmount_store

# lost_or_kept OPTIONS: in $there, what of a few changes has survived a daemon that was killed at once.
after_kill() {
  mount_store -o "commit=3600,$1"
  mkdir "$mnt/directory"
  : >"$mnt/made"
  ln -s made "$mnt/symlink"
  ln "$mnt/made" "$mnt/hard"
  mkfifo "$mnt/fifo"
  mv "$mnt/made" "$mnt/moved"
  rm "$mnt/symlink"
  case ,$1, in
    *,sync,*)
      chmod 751 "$mnt/directory"
      echo written >"$mnt/moved"
      truncate -s 3 "$mnt/moved"
      ;;
  esac
  kill_daemon
  mount_store
  there=$(cd "$mnt" && echo *)
}

say "without: what is not synced goes with the daemon"
after_kill async
[ "$there" = '*' ] || fail "the test cannot tell: $there"
unmount_store

say "dirsync: names stay"
after_kill dirsync
[ "$there" = 'directory fifo hard moved' ] || fail "names that are left: $there"
rm -r "${mnt:?}"/*
unmount_store

say "sync: everything stays"
after_kill sync
[ "$there" = 'directory fifo hard moved' ] || fail "names that are left: $there"
[ "$(cat "$mnt/hard")" = wri ] || fail "a write or a truncation is lost"
[ "$(stat -c %a "$mnt/directory")" = 751 ] || fail "a chmod is lost"
unmount_store
check_store
