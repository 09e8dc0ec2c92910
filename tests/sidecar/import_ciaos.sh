#!/usr/bin/env bash
# ciaosctl import-ciaos: what an original CIAOS kept is here for its clients, element by element, and on the mount.
. "$(dirname "$0")/_sidecar.sh"
need_root_and_fuse
need_tool python3

# make_original FOLDER OLD|NEW: a data directory as that service leaves it.
make_original() {
  python3 - "$@" <<'PYTHON'
import os, random, sqlite3, struct, sys
folder, kind = sys.argv[1:]
os.makedirs(folder + "/alice")
dice = random.Random(1)
database = sqlite3.connect(f"{folder}/metadata.sqlite")
columns = "user TEXT, key TEXT, offset_size_list BLOB" + (", bucket TEXT" if kind == "new" else "")
database.execute(f"CREATE TABLE haystack (id INTEGER PRIMARY KEY, {columns})")
places = {}
def value(user, key, elements, bucket=None, cut=0, spans=None):
    path = f"{folder}/{user}/{bucket}.bin" if bucket else f"{folder}/{user}.bin"
    if spans is None:
        spans = []
        with open(path, "ab") as file:
            for element in elements:
                file.write(b"garbage")  # of values that were deleted
                spans.append((file.tell(), len(element)))
                file.write(element)
    blob = struct.pack("<Q", len(spans)) + b"".join(struct.pack("<QQ", *span) for span in spans)
    row = (user, key, blob[:len(blob) - cut]) + ((bucket,) if kind == "new" else ())
    database.execute(f"INSERT INTO haystack ({'user, key, offset_size_list' + (', bucket' if kind == 'new' else '')}) "
                     f"VALUES ({', '.join('?' * len(row))})", row)
value("alice", "one", [b"abc"])
value("alice", "many", [bytes([i]) * (i * 300) for i in range(200)])
value("alice", "long", [dice.randbytes(20_000_000), b"", dice.randbytes(3)])
value("bob", "a/b", [b"in a folder"])
if kind == "new":
    value("alice", "one", [b"of a bucket"], bucket="pictures")
else:
    value("alice", "cut", [b"x", b"y"], cut=3)
    value("alice", "beyond", [], spans=[(1 << 40, 5)])
    value("../escape", "key", [], spans=[])
database.commit()
PYTHON
}

format_store --volume-size 64M
mount_store
start_sidecar --no-auth
import() { "$CIAOSFS_BIN/ciaosctl" --store "$store" import-ciaos "$@"; }
get() { curl -sf -H "User: $1" "${@:3}" "http://$sidecar/get/$2"; }
elements() { python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); from _file_data import unpack; print([len(one) for one in unpack(sys.stdin.buffer.read())])' "$(dirname "$0")"; }

say "one with buckets"
make_original "$scratch/new" new
import "$scratch/new" --db "$scratch/new/metadata.sqlite" >"$scratch/out"
grep -q "^5 values of 206 elements, .*; 0 were" "$scratch/out" || fail "$(cat "$scratch/out")"
[ "$(get alice one | elements)" = "[3]" ] || fail "one value differs"
[ "$(get alice many | elements)" = "$(python3 -c 'print([i * 300 for i in range(200)])')" ] || fail "elements differ"
[ "$(get alice long | elements)" = "[20000000, 0, 3]" ] || fail "long elements differ"
[ "$(cat "$mnt/alice/pictures/one")" = "of a bucket" ] || fail "no bucket"
get alice one -H 'Bucket: pictures' | elements >"$scratch/out"
[ "$(cat "$scratch/out")" = "[11]" ] || fail "with a bucket: $(cat "$scratch/out")"
python3 - "$scratch/new" "$mnt" <<'PYTHON'
import sqlite3, struct, sys
folder, mount = sys.argv[1:]
for user, key, blob, bucket in sqlite3.connect(f"{folder}/metadata.sqlite").execute("SELECT user, key, offset_size_list, bucket FROM haystack"):
    spans = struct.iter_unpack("<QQ", blob[8:])
    source = open(f"{folder}/{user}/{bucket}.bin" if bucket else f"{folder}/{user}.bin", "rb").read()
    wanted = b"".join(source[offset:offset + size] for offset, size in spans)
    assert open("/".join([mount, user] + ([bucket] if bucket else []) + [key]), "rb").read() == wanted, (user, key)
PYTHON

say "again: what is there stays"
curl -sf -X DELETE -H 'User: alice' "http://$sidecar/delete/one" >/dev/null
import "$scratch/new" --db "$scratch/new/metadata.sqlite" >"$scratch/out"
grep -q '^1 values of 1 elements, 3 B; 4 were there already' "$scratch/out" || fail "$(cat "$scratch/out")"

say "an older one, with damage: the rest comes, and each that does not is named"
make_original "$scratch/old" old
rm -r "$mnt/alice" "$mnt/bob"
code=0
DB_FILE=$scratch/old/metadata.sqlite import "$scratch/old" >"$scratch/out" 2>"$scratch/error" || code=$?
[ "$code" = 1 ] || fail "it ended with $code: $(cat "$scratch/out" "$scratch/error")"
for wanted in 'cut of alice: ' 'beyond of alice: ' 'key of ../escape: ' '3 could not'; do
  grep -q "$wanted" "$scratch/error" || fail "not told: $wanted: $(cat "$scratch/error")"
done
[ "$(get alice one | elements)" = "[3]" ] || fail "one value differs"
[ "$(ls "$mnt")" = $'alice\nbob' ] || fail "there is $(ls "$mnt")"
if import "$scratch/old" --db "$scratch/none" 2>/dev/null; then fail "no database was enough"; fi
stop_sidecar
unmount_store
check_store
