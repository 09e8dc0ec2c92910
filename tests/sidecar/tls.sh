#!/usr/bin/env bash
# TLS: what is put and got is the same, plain HTTP gets nowhere, and a certificate is replaced while connections live.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool curl openssl python3

certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/key.pem" -out "$scratch/cert.pem" \
    -days 2 -subj "/CN=$1" -addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
}
subject() { echo | openssl s_client -connect "$sidecar" 2>/dev/null | openssl x509 -noout -subject; }

format_store
certificate first
start_sidecar --no-auth --tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem"
cp "$scratch/cert.pem" "$scratch/ca.pem"
https() { curl -s --fail --cacert "$scratch/ca.pem" "$@"; }

say "bodies of every size, there and back"
https -X PUT "https://$sidecar/over-tls" -o "$scratch/out"
for bytes in 0 1 16383 16385 3000001; do
  head -c "$bytes" /dev/urandom >"$scratch/$bytes"
  https -T "$scratch/$bytes" "https://$sidecar/over-tls/$bytes" || fail "$bytes bytes are not put"
  https -o "$scratch/back" "https://$sidecar/over-tls/$bytes" || fail "$bytes bytes are not got"
  cmp "$scratch/$bytes" "$scratch/back" || fail "$bytes bytes come back otherwise"
done

say "requests that come before they were asked for, in one record"
python3 - "$sidecar" "$scratch/ca.pem" <<'PYTHON'
import socket, ssl, sys
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), timeout=20) as plain:
    with ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(plain, server_hostname=host) as secure:
        secure.sendall(b"PUT /over-tls/two HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo" b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        while got.count(b"HTTP/1.1 200") < 2 or not got.endswith(b"ok\n"):
            piece = secure.recv(4096)
            assert piece, got
            got += piece
PYTHON

say "clients of S3"
https -X DELETE "https://$sidecar/over-tls/3000001"
unset AWS_CA_BUNDLE AWS_PROFILE
export HOME=$scratch AWS_ACCESS_KEY_ID=ANYKEY AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1 RCLONE_CONFIG=/dev/null
if command -v aws >/dev/null; then
  aws --endpoint-url "https://$sidecar" --ca-bundle "$scratch/ca.pem" s3 cp --quiet "$scratch/3000001" s3://over-tls/by-aws
fi
if command -v s3cmd >/dev/null; then
  s3cmd --ssl --ca-certs="$scratch/ca.pem" --host="$sidecar" --host-bucket="$sidecar" --access_key=ANYKEY --secret_key=any --quiet \
    --config=/dev/null put "$scratch/3000001" s3://over-tls/by-s3cmd
fi
if command -v rclone >/dev/null; then
  rclone --ca-cert "$scratch/ca.pem" --s3-provider Other --s3-endpoint "https://$sidecar" --s3-env-auth --log-level ERROR copyto \
    "$scratch/3000001" :s3:over-tls/by-rclone
fi
clients=0
for client in aws s3cmd rclone; do
  command -v "$client" >/dev/null || { say "passed over: there is no $client"; continue; }
  https -o "$scratch/back" "https://$sidecar/over-tls/by-$client" && cmp "$scratch/3000001" "$scratch/back" || fail "$client puts something else"
  clients=$((clients + 1))
done
say "$clients clients"

say "plain HTTP gets no answer"
! curl -s --max-time 20 -o "$scratch/out" "http://$sidecar/health" || fail "it answers without TLS"
[ "$(https "https://$sidecar/health")" = ok ] || fail "nor with it, after that"

say "another certificate"
[ "$(subject)" = 'subject=CN = first' ] || fail "the certificate is $(subject)"
certificate second
kill -HUP "$sidecar_pid"
for ((tenths = 0; tenths < 100; tenths++)); do
  [ "$(subject)" != 'subject=CN = second' ] || break
  sleep 0.1
done
[ "$(subject)" = 'subject=CN = second' ] || fail "the certificate is $(subject)"
echo broken >"$scratch/cert.pem"
kill -HUP "$sidecar_pid"
for ((tenths = 0; tenths < 100; tenths++)); do
  ! grep -q 'stays as it was' "$scratch/sidecar.log" || break
  sleep 0.1
done
[ "$(subject)" = 'subject=CN = second' ] || fail "a broken certificate is used, or none: $(subject)"

say "a certificate without its key does not start"
for wrong in "--tls-cert $scratch/ca.pem" "--tls-cert $scratch/ca.pem --tls-key $scratch/key.pem" "--tls-cert $scratch/none --tls-key x"; do
  # shellcheck disable=SC2086
  ! timeout 20 "$CIAOSFS_BIN/ciaos-sidecar" "$store" --no-auth $wrong >"$scratch/out" 2>&1 || fail "it starts with $wrong"
done

stop_sidecar
kill "$(daemon_pid)"
wait_for_daemon_end
check_store
