#!/usr/bin/env bash
# pjdfstest, the suite that BSD's and Linux's filesystems are held against, run whole on a mount.
#
# The suite is not part of this tree. CIAOS_PJDFSTEST names a folder in which somebody has built it
# (https://github.com/pjd/pjdfstest: autoreconf -ifs && ./configure && make pjdfstest).
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool prove openssl
[ -n "${CIAOS_PJDFSTEST-}" ] || skip "CIAOS_PJDFSTEST does not name a folder with pjdfstest"
suite=$(realpath "$CIAOS_PJDFSTEST")
[ -x "$suite/pjdfstest" ] || fail "$suite holds no program pjdfstest; was it built?"

format_store --volume-size 64M
mount_store
mkdir "$mnt/work"
cd "$mnt/work"
prove -Q -r "$suite/tests" | tee "$scratch/result" || fail "pjdfstest"
cd "$scratch"
# A suite that found nothing to do passes as well.
tests=$(sed -n 's/^Files=.*, Tests=\([0-9]*\),.*/\1/p' "$scratch/result")
[ "${tests:-0}" -ge 8000 ] || fail "only ${tests:-no} tests were run"
unmount_store
check_store
