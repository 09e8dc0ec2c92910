#!/usr/bin/env bash
# Programs that people run on filesystems: databases, git, archives, copies, and what Python's library does to files. A part
# whose program is missing is left out with a word.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool python3 diff

has_tool() { command -v "$1" >/dev/null || { say "left out: there is no $1"; return 1; }; }

# One line for each name below $1, with everything that a copy is to keep.
tree_of() { python3 "$(dirname "$0")/_tree.py" "$1"; }

source=$scratch/source
mkdir -p "$source/deep/er" "$source/empty"
for number in $(seq 40); do head -c $((number * number * 97)) /dev/urandom >"$source/deep/$number"; done
ln "$source/deep/1" "$source/deep/er/hard"
ln -s ../2 "$source/deep/er/soft"
mkfifo "$source/fifo"
printf 'x' >"$source/"$'new\nline \xff'
truncate -s 3000000 "$source/sparse"
printf 'end' >>"$source/sparse"
chmod 2750 "$source/deep/er"
chmod 4711 "$source/deep/3"
chown 60001:60002 "$source/deep/4" "$source/empty"
chown -h 60001:60002 "$source/deep/er/soft"
touch -d '1969-12-31 23:59:58.123456789Z' "$source/deep/5"
setfattr -n user.colour -v green "$source/deep/6" 2>/dev/null || say "left out: the scratch folder has no extended attributes"
setfacl -m u:60001:rw -m d:u:60001:rx "$source/deep" 2>/dev/null || say "left out: it has no access control lists"
tree_of "$source" >"$scratch/expected"

same_as_source() { tree_of "$1" | diff "$scratch/expected" - || fail "$2 lost something"; }

format_store --volume-size 64M
mount_store

say "SQLite, two processes, in each journal mode"
for mode in delete truncate persist wal; do
  python3 "$(dirname "$0")/_sqlite_processes.py" "$mnt/$mode.db" $mode || fail "SQLite with journal_mode $mode"
done

say "Python's library"
python3 "$(dirname "$0")/_python_library.py" "$mnt/python" || fail "Python's library"

if has_tool git; then
  say "git"
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a GIT_COMMITTER_NAME=a \
    GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_EMAIL=a@example
  (
    set -e
    git init -q "$mnt/repository"
    cd "$mnt/repository"
    for number in 1 2 3 4 5; do
      cp "$source/deep/$((number + 30))" file
      seq "$number" 1000 >"text$number"
      git add -A
      git commit -q -m "$number"
    done
    git branch side HEAD~2
    git clone -q --no-hardlinks . ../clone
    git clone -q . ../linked
    git gc -q --prune=now
    git fsck --strict --no-progress
    git -C ../clone fsck --strict --no-progress
    git -C ../linked fsck --strict --no-progress
    git checkout -q side
    [ "$(git status --porcelain)" = "" ]
    [ "$(git rev-parse HEAD)" = "$(git -C ../clone rev-parse HEAD~2)" ]
  ) || fail "git"
fi

if has_tool cmake && has_tool ninja && has_tool c++; then
  say "a C++ project: built, built again, and run where it lies"
  project=$mnt/project
  mkdir -p "$project/library"
  for number in 1 2 3 4 5; do
    printf '#include "sum.h"\nint part%s() { return %s; }\n' "$number" "$number" >"$project/library/part$number.cc"
    echo "int part$number();"
  done >"$project/library/sum.h"
  echo '#include "sum.h"
int main() { return part1() + part2() + part3() + part4() + part5() == 15 ? 0 : 1; }' >"$project/main.cc"
  echo 'cmake_minimum_required(VERSION 3.16)
project(sum LANGUAGES CXX)
file(GLOB parts library/*.cc)
add_library(parts STATIC ${parts})
target_include_directories(parts PUBLIC library)
add_executable(sum main.cc)
target_link_libraries(sum parts)' >"$project/CMakeLists.txt"
  {
    cmake -G Ninja -S "$project" -B "$project/build" && cmake --build "$project/build" -j 2
  } >"$scratch/built" 2>&1 || fail "the project: $(tail -5 "$scratch/built")"
  "$project/build/sum" || fail "what was built does not run"
  cmake --build "$project/build" | grep -q "no work to do" || fail "built twice"
  touch "$project/library/part3.cc"
  [ "$(cmake --build "$project/build" -- -n | grep -c Building)" = 1 ] || fail "one changed file is not one to be built again"
fi

if has_tool cp; then
  say "cp -a, there and back"
  cp -a "$source" "$mnt/cp"
  same_as_source "$mnt/cp" "cp -a to the mount"
  cp -a "$mnt/cp" "$scratch/cp"
  same_as_source "$scratch/cp" "cp -a from the mount"
  cp -a "$mnt/cp" "$mnt/cp_within"
  same_as_source "$mnt/cp_within" "cp -a within the mount"
fi

if has_tool tar; then
  say "tar, out of the mount and into it"
  tar --create --acls --xattrs --xattrs-include='*' --sparse --numeric-owner -f "$mnt/archive.tar" -C "$mnt/cp" .
  mkdir "$mnt/tar"
  tar --extract --acls --xattrs --xattrs-include='*' --preserve-permissions --same-owner --numeric-owner --warning=no-timestamp \
    -f "$mnt/archive.tar" -C "$mnt/tar"
  same_as_source "$mnt/tar" "tar"
fi

if has_tool rsync; then
  say "rsync -aHAX, there and back, and nothing to do the second time"
  rsync -aHAX --numeric-ids "$source/" "$mnt/rsync/"
  same_as_source "$mnt/rsync" "rsync to the mount"
  rsync -aHAX --numeric-ids "$mnt/rsync/" "$scratch/rsync/"
  same_as_source "$scratch/rsync" "rsync from the mount"
  again=$(rsync -aHAX --numeric-ids --itemize-changes --checksum "$source/" "$mnt/rsync/")
  [ -z "$again" ] || fail "rsync found something to do again: $again"
fi

say "mounted again"
unmount_store
mount_store
for mode in delete truncate persist wal; do
  python3 "$(dirname "$0")/_sqlite_processes.py" "$mnt/$mode.db" check || fail "SQLite with journal_mode $mode, after a remount"
done
for copy in cp tar rsync; do
  [ ! -d "$mnt/$copy" ] || same_as_source "$mnt/$copy" "the remount of $copy"
done
unmount_store
check_store
