#!/usr/bin/env bash
# PostgreSQL with its data directory on the mount: initdb, pgbench, and what was acknowledged when the daemon is killed under it.
#
# CIAOS_PGBENCH_SECONDS says for how long it runs, CIAOS_POSTGRESQL where its programs are.
. "$(dirname "$0")/_mounted_store.sh"
need_root_and_fuse
need_tool runuser

programs=${CIAOS_POSTGRESQL-}
if [ -z "$programs" ]; then
  for programs in /usr/lib/postgresql/*/bin; do :; done
fi
for program in initdb pg_ctl pgbench psql; do
  [ -x "$programs/$program" ] || skip "there is no PostgreSQL with $program in $programs"
done
seconds=${CIAOS_PGBENCH_SECONDS:-3}
data=$mnt/postgres
socket=$scratch/socket

as_nobody() { (cd / && runuser -u nobody -- "$@"); }
run() { as_nobody "$@" >>"$scratch/postgres.log" 2>&1 || { tail -n 30 "$scratch/postgres.log" >&2; return 1; }; }
start() { run "$programs/pg_ctl" -D "$data" -w -t 120 -l "$socket/server.log" -o "-k $socket -c listen_addresses=''" start; }
stop() { run "$programs/pg_ctl" -D "$data" -w -m fast stop || fail "the server does not stop"; }
sql() { as_nobody "$programs/psql" -X -q -A -t -h "$socket" -d postgres -c "$1"; }

install -d -o nobody "$socket"
touch "$scratch/postgres.log"

# Processes of the server: all of them work in its data directory. (Dead ones that nobody has buried yet work nowhere.)
server_processes() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/cwd")" = "$data" ]; then echo "${process#/proc/}"; fi
  done 2>/dev/null
}
# Without a word, as a machine that loses power ends them.
kill_server() {
  local pid tenths
  for ((tenths = 0; tenths < 100; tenths++)); do
    for pid in $(server_processes); do kill -9 "$pid" 2>/dev/null || true; done
    [ -n "$(server_processes)" ] || return 0
    sleep 0.1
  done
}
# The server must not outlive a test that fails.
end_all() {
  local status=$?
  trap - EXIT
  set +e
  kill_server
  (exit $status)
  leave_nothing
}
trap end_all EXIT

format_store --volume-size 64M
mount_store
install -d -o nobody -m 700 "$data"

say "initdb"
run "$programs/initdb" -D "$data" -A trust -U nobody --no-locale -E UTF8 || fail "initdb"

say "pgbench for $seconds seconds"
start || fail "the server does not start"
run "$programs/pgbench" -i -q -s 1 -h "$socket" postgres || fail "pgbench -i"
run "$programs/pgbench" -c 4 -j 2 -T "$seconds" -h "$socket" postgres || fail "pgbench"
same='SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)'
[ "$(sql "$same")" = t ] || fail "accounts and history differ"

say "what was committed outlives the daemon and the server"
sql "CREATE TABLE kept AS SELECT count(*) AS committed FROM pgbench_history"
kept=$(sql "SELECT committed FROM kept")
kill_server
kill_daemon
mount_store
rm -f "$data/postmaster.pid" "$socket"/.s.PGSQL.*
start || { tail -n 20 "$socket/server.log" >&2; fail "the server does not recover"; }
[ "$(sql "SELECT committed FROM kept")" = "$kept" ] || fail "a table is gone"
[ "$(sql "SELECT count(*) FROM pgbench_history")" = "$kept" ] || fail "transactions are gone"
[ "$(sql "$same")" = t ] || fail "accounts and history differ after a crash"
sql "VACUUM FULL" || fail "vacuum"
stop
unmount_store
check_store
