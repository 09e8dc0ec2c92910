"""Random changes through the mount, the native API and S3, and one model; after each, all three have to show what it says.

usage: _coherence.py HOST:PORT MOUNT SEED STEPS

The kernel's caches stay hot: every name is looked up, listed and read again and again. "coherent" is a user of the native API
and a bucket of S3.
"""

import http.client
import os
import random
import sys
import urllib.parse

from _file_data import pack, unpack

ADDRESS, MOUNT, SEED, STEPS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
BUCKET = "coherent"
NAMES = [f"{d}{n}" for d in ("", "d/", "d/e/", "d-/") for n in ("a", "b", "c-")]
rng = random.Random(SEED)
connection = http.client.HTTPConnection(ADDRESS, timeout=60)
model = {}  # key: list of elements


def call(method, path, body=None, **headers):
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response.status, response.read()


def native(method, verb, key, body=None):
    return call(method, f"/{verb}/{urllib.parse.quote(key, safe='')}", body, User=BUCKET)


def some_bytes():
    return rng.randbytes(rng.choice((0, 1, 10, 5000, 70_000)))


def path_of(key):
    return os.path.join(MOUNT, BUCKET, key)


def step():
    key = rng.choice(NAMES)
    there = key in model
    kind = rng.randrange(12)
    data = some_bytes()
    if kind < 2:  # a file is written on the mount
        os.makedirs(os.path.dirname(path_of(key)), exist_ok=True)
        with open(path_of(key), "wb") as file:
            file.write(data)
        model[key] = [data]
    elif kind == 2 and there and data:
        with open(path_of(key), "ab") as file:
            file.write(data)
        model[key] = [b"".join(model[key]) + data]
    elif kind == 3 and there:
        os.unlink(path_of(key))
        del model[key]
    elif kind == 4 and there:
        other = rng.choice([n for n in NAMES if n != key])
        os.makedirs(os.path.dirname(path_of(other)), exist_ok=True)
        os.rename(path_of(key), path_of(other))
        model[other] = model.pop(key)
    elif kind == 5:
        elements = [some_bytes() for _ in range(rng.randrange(1, 4))]
        verb = "update" if there else "put"
        assert native("POST", verb, key, pack(elements))[0] == 200, (verb, key)
        model[key] = elements
    elif kind == 6 and there:
        assert native("POST", "append", key, pack([data]))[0] == 200
        model[key] = model[key] + [data]
    elif kind == 7 and there:
        assert native("DELETE", "delete", key)[0] == 200
        del model[key]
    elif kind == 8:
        other = rng.choice([n for n in NAMES if n != key])
        status = call("PUT", f"/update_key/{urllib.parse.quote(key, safe='')}/{urllib.parse.quote(other, safe='')}",
                      User=BUCKET)[0]
        assert status == (404 if not there else 409 if other in model else 200), status
        if status == 200:
            model[other] = model.pop(key)
    elif kind == 9:
        assert call("PUT", f"/{BUCKET}/{key}", data)[0] == 200
        model[key] = [data]
    elif kind == 10:
        assert call("DELETE", f"/{BUCKET}/{key}")[0] == 204
        model.pop(key, None)
    elif there:
        other = rng.choice([n for n in NAMES if n != key])
        assert call("PUT", f"/{BUCKET}/{other}", b"", x_amz_copy_source=f"/{BUCKET}/{key}")[0] == 200
        model[other] = [b"".join(model[key])]


def compare(key):
    whole = b"".join(model[key]) if key in model else None
    status, got = call("GET", f"/{BUCKET}/{key}")
    assert (got if status == 200 else None) == whole, f"S3 shows {key} otherwise: {status}"
    status, got = native("GET", "get", key)
    assert (unpack(got) if status == 200 else None) == model.get(key), f"the native API shows {key} otherwise: {status}"
    try:
        size = os.stat(path_of(key)).st_size
        with open(path_of(key), "rb") as file:
            seen = file.read()
        assert len(seen) == size
    except FileNotFoundError:
        seen = None
    assert seen == whole, f"the mount shows {key} otherwise"


def compare_listings():
    status, text = call("GET", f"/{BUCKET}?list-type=2")
    assert status == 200
    listed = [part.split("</Key>")[0] for part in text.decode().split("<Key>")[1:]]
    files = [key for key in listed if not key.endswith("/")]
    assert files == sorted(model), (files, sorted(model))
    walked = []
    for folder, _, names in os.walk(os.path.join(MOUNT, BUCKET)):
        walked += [os.path.relpath(os.path.join(folder, name), os.path.join(MOUNT, BUCKET)) for name in names]
    assert sorted(walked) == sorted(model), (sorted(walked), sorted(model))


os.mkdir(os.path.join(MOUNT, BUCKET))
for number in range(STEPS):
    try:
        step()
        for one in rng.sample(NAMES, 3):
            compare(one)
        if number % 10 == 0:
            compare_listings()
    except BaseException:
        print(f"step {number} with CIAOS_SEED={SEED}", file=sys.stderr)
        raise
for one in NAMES:
    compare(one)
compare_listings()
