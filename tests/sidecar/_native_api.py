"""The native API against its vectors, texts and order of checks, over plain HTTP. Standard library only.

usage: _native_api.py HOST:PORT MOUNT      MOUNT: where the same store is mounted
"""

import http.client
import os
import sys
import threading

from _file_data import pack, unpack

ADDRESS, MOUNT = sys.argv[1], sys.argv[2]
VECTORS = {
    "abc": "04000000eeffffff04000000010000000c000000000006000800040006000000040000000300000061626300",
    "empty": "04000000eeffffff04000000010000000c0000000000060008000400060000000400000000000000",
    "none": "0c0000000000060008000400060000000400000000000000",
    "two": "04000000ceffffff04000000020000002c00000004000000e2ffffff040000001100000066696c65325f62696e6172795f6461746100"
           "06000800040006000000040000000c00000066696c65315f62696e617279",
    "no files": "080000000400040004000000",
    "no data": "0c0000000000060008000400060000000400000001000000080000000400040004000000",
}
VECTORS["two"] = (
    "04000000ceffffff04000000020000002c00000004000000e2ffffff040000001100000066696c65325f62696e6172795f64617461000600"
    "0800040006000000040000000c00000066696c65315f62696e617279")
VECTORS = {name: bytes.fromhex(text) for name, text in VECTORS.items()}


def call(method, path, body=b"", user="alice", headers=()):
    connection = http.client.HTTPConnection(ADDRESS, timeout=60)
    sent = dict(headers)
    if user is not None:
        sent["User"] = user
    connection.request(method, path, body if method in ("POST", "PUT") else None, sent)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def expect(answer, status, text):
    wanted = (status, text.encode() if isinstance(text, str) else text)
    assert answer == wanted, f"got {answer}, expected {wanted}"


def missing(key):
    return f"No data found for key: {key}, The key does not exist"


def texts():
    expect(call("POST", "/put/k", VECTORS["abc"]), 200, "Data uploaded successfully: key = k")
    expect(call("POST", "/put/k", VECTORS["abc"]), 400, "Key already exists")
    expect(call("POST", "/put/k", b""), 400, "Key already exists")
    assert unpack(call("GET", "/get/k")[1]) == [b"abc"]
    expect(call("POST", "/append/k", VECTORS["two"]), 200, "Data appended successfully: key = k")
    assert unpack(call("GET", "/get/k")[1]) == [b"abc", b"file1_binary", b"file2_binary_data"]
    expect(call("POST", "/update/k", VECTORS["empty"]), 200, "Data uploaded successfully: key = k")
    assert unpack(call("GET", "/get/k")[1]) == [b""]
    expect(call("PUT", "/update_key/k/l", b"ignored"), 200, "Key updated successfully from k to l")
    expect(call("PUT", "/update_key/l/l"), 200, "Key updated successfully from l to l")
    expect(call("POST", "/put/m", VECTORS["abc"]), 200, "Data uploaded successfully: key = m")
    status, text = call("PUT", "/update_key/l/m")
    assert status == 409 and b"m" in text
    assert unpack(call("GET", "/get/m")[1]) == [b"abc"]
    expect(call("DELETE", "/delete/l"), 200, "File deleted successfully: key = l")
    for answer in (call("GET", "/get/l"), call("POST", "/append/l", b""), call("POST", "/update/l", b"junk"),
                   call("PUT", "/update_key/l/n"), call("DELETE", "/delete/l")):
        expect(answer, 404, missing("l"))


def refusals():
    for path in ("/put/x", "/append/x"):
        expect(call("POST", path, VECTORS["abc"], user=None), 400, "Missing User header")
        for user in ("../x", "a/b", "..", ".ciaos", "sp ace", "\xe4"):
            expect(call("POST", path, VECTORS["abc"], user=user), 400, "Invalid User header value")
    expect(call("POST", "/put/x", b""), 400, "No data was uploaded")
    status, text = call("POST", "/put/x", b"no flatbuffer at all")
    assert status == 400 and text.startswith(b"Failed to parse FlatBuffers data: "), text
    expect(call("POST", "/put/x", VECTORS["no files"]), 400, "No files found in FlatBuffers data")
    expect(call("POST", "/put/x", VECTORS["none"]), 400, "No data in data list")
    expect(call("POST", "/put/x", VECTORS["no data"]), 400, "No data in data list")
    expect(call("GET", "/get/x"), 404, missing("x"))
    large = b"x" * 20_000_000
    expect(call("POST", "/update/x", large), 404, missing("x"))
    assert call("POST", "/put/x", large)[0] == 400
    for segment in ("..", "%2e%2e%2fy", "a%2f%2fb", "%00", "a/b"):
        status = call("POST", f"/put/{segment}", VECTORS["abc"])[0]
        assert status == 400, (segment, status)


def keys_and_files():
    expect(call("POST", "/put/a%2Fb+c%20d", VECTORS["two"]), 200, "Data uploaded successfully: key = a/b+c d")
    path = os.path.join(MOUNT, "alice", "a", "b+c d")
    with open(path, "rb") as file:
        assert file.read() == b"file1_binaryfile2_binary_data"
    with open(path, "r+b") as file:
        file.write(b"FILE")
    assert unpack(call("GET", "/get/a%2Fb+c%20d")[1]) == [b"FILE1_binaryfile2_binary_data"]
    expect(call("PUT", "/update_key/a%2Fb+c%20d/e"), 200, "Key updated successfully from a/b+c d to e")
    assert not os.path.exists(os.path.join(MOUNT, "alice", "a"))
    with open(os.path.join(MOUNT, "alice", "file"), "wb") as file:
        file.write(b"from the mount")
    assert unpack(call("GET", "/get/file")[1]) == [b"from the mount"]
    expect(call("POST", "/put/k", VECTORS["abc"], headers={"Bucket": "b"}), 200, "Data uploaded successfully: key = k")
    assert unpack(call("GET", "/get/b%2Fk")[1]) == [b"abc"]
    # What the kernel remembers of a name, or of its absence, is not what it was.
    path = os.path.join(MOUNT, "alice", "coherent")
    for turn in range(30):
        assert not os.path.exists(path)
        value = b"%d" % turn * (turn + 1)
        assert call("POST", "/put/coherent", pack([value]))[0] == 200
        with open(path, "rb") as file:
            assert file.read() == value
        assert call("POST", "/append/coherent", pack([b"!"]))[0] == 200
        with open(path, "rb") as file:
            assert file.read() == value + b"!"
        assert call("POST", "/update/coherent", pack([b"short"]))[0] == 200
        assert os.stat(path).st_size == 5
        assert "coherent" in os.listdir(os.path.dirname(path))
        assert call("DELETE", "/delete/coherent")[0] == 200
        assert "coherent" not in os.listdir(os.path.dirname(path))


def large_values():
    elements = [os.urandom(n) for n in (3_000_001, 0, 5, 2_000_000)] + [b"x"] * 3000
    assert call("POST", "/put/large", pack(elements))[0] == 200
    assert unpack(call("GET", "/get/large")[1]) == elements
    assert call("POST", "/append/large", pack(elements[:2]))[0] == 200
    assert unpack(call("GET", "/get/large")[1]) == elements + elements[:2]


def appends_at_once():
    assert call("POST", "/put/log", pack([b"start"]))[0] == 200
    threads = [threading.Thread(target=lambda n=n: [call("POST", "/append/log", pack([b"%d.%d" % (n, i)]))
                                                    for i in range(15)]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elements = unpack(call("GET", "/get/log")[1])
    assert sorted(elements[1:]) == sorted(b"%d.%d" % (n, i) for n in range(6) for i in range(15))


for check in (texts, refusals, keys_and_files, large_values, appends_at_once):
    check()
    print(f"-- {check.__name__}")
