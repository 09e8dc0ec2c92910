#!/usr/bin/env bash
# s3fs mounted on the sidecar beside the mount of the same store: both show the same tree, whichever of them wrote it.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool curl s3fs

format_store
mount_store
(umask 077; printf 'KEY secret alice\n' >"$scratch/keys"; printf 'KEY:secret\n' >"$scratch/passwd")
start_sidecar --keys "$scratch/keys"
over_s3=$scratch/over_s3
mkdir "$over_s3"
curl -s --fail --aws-sigv4 aws:amz:us-east-1:s3 --user KEY:secret -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" \
  -X PUT "http://$sidecar/shared" -o /dev/null
s3fs shared "$over_s3" -o "url=http://$sidecar" -o use_path_request_style -o "passwd_file=$scratch/passwd" -o sigv4 \
  -o endpoint=us-east-1 -o stat_cache_expire=1

say "what s3fs writes"
mkdir -p "$over_s3/deep/er"
head -c 25000000 /dev/urandom >"$over_s3/large"
for i in $(seq 10); do head -c $((i * 1000)) /dev/urandom >"$over_s3/deep/$i"; done
echo plus >"$over_s3/deep/er/a+b c%d&e"
mv "$over_s3/deep/1" "$over_s3/deep/er/one"
[ "$(sums_of "$over_s3")" = "$(sums_of "$mnt/shared")" ] || fail "the trees differ"
[ "$(sums_of "$mnt/shared" | wc -l)" = 12 ] || fail "files are missing: $(sums_of "$mnt/shared")"

say "what the mount writes"
echo local >"$mnt/shared/deep/local"
head -c 3000000 /dev/urandom >"$mnt/shared/second"
rm "$mnt/shared/deep/2"
# s3fs believes what it knows for a second.
for ((tenths = 0; tenths < 100; tenths++)); do
  [ "$(sums_of "$over_s3")" != "$(sums_of "$mnt/shared")" ] || break
  sleep 0.1
done
[ "$(sums_of "$over_s3")" = "$(sums_of "$mnt/shared")" ] || fail "the trees differ"

umount "$over_s3"
stop_sidecar
unmount_store
check_store
