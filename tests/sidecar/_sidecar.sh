# shellcheck shell=bash
# Sourced by the tests of this folder: a store, a daemon for it, and a sidecar on a port of its own.
. "$(dirname "${BASH_SOURCE[0]}")/../mount/_mounted_store.sh"

sidecar_pid=''
sidecar=''   # ADDR:PORT
sidecar_as=()  # a command that starts it as somebody else

stop_sidecar() {
  [ -n "$sidecar_pid" ] || return 0
  kill "$sidecar_pid" 2>/dev/null || true
  wait "$sidecar_pid" || true
  sidecar_pid=''
}
leave_no_sidecar() {
  local status=$?
  set +e  # or the status that is handed on would end this here
  stop_sidecar
  (exit $status)
  leave_nothing
}
trap leave_no_sidecar EXIT

# start_sidecar OPTION...: on a port that is free; the address is in $sidecar.
start_sidecar() {
  : >"$scratch/sidecar.log"
  "${sidecar_as[@]}" "$CIAOSFS_BIN/ciaos-sidecar" "$store" --listen 127.0.0.1:0 --daemon "$CIAOSFS_BIN/ciaosfs" "$@" \
    >>"$scratch/sidecar.log" 2>&1 </dev/null &
  sidecar_pid=$!
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    sidecar=$(sed -n 's/.*listening on //p' "$scratch/sidecar.log" | tail -n 1)
    [ -z "$sidecar" ] || return 0
    kill -0 "$sidecar_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$scratch/sidecar.log" >&2
  fail "the sidecar did not start"
}
