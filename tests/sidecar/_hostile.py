"""Clients that mean no good: a clear status, nothing stored, nobody else harmed. Standard library only.

usage: _hostile.py HOST:PORT PID      PID: of the sidecar
"""

import http.client
import resource
import socket
import sys

ADDRESS, PID = sys.argv[1], int(sys.argv[2])
HOST, PORT = ADDRESS.rsplit(":", 1)
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
IDLE = min(10_000, DESCRIPTORS - 200)


def raw(data, half_close=False):
    """The status of what comes back, or None if the connection just ends."""
    with socket.create_connection((HOST, int(PORT)), timeout=30) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except ConnectionError:
            return None
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else None


def call(method, path, body=None, headers=()):
    connection = http.client.HTTPConnection(ADDRESS, timeout=60)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def listed():
    status, text = call("GET", "/hostile?list-type=2")
    assert status == 200, status
    return text.count(b"<Key>")


def resident_kib():
    with open(f"/proc/{PID}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def malformed_heads():
    for head in (b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
                 b"PUT /hostile/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"PUT /hostile/x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"):
        assert raw(head) in (400, 505), head
    assert raw(b"GET / HTTP/1.1\r\nX: " + b"x" * (3 << 20)) in (431, None)
    assert raw(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n") == 431


def paths_that_climb():
    for path in ("/hostile/../../etc/passwd", "/hostile/..%2f..%2fx", "/../x/y", "/hostile/%00", "/hostile/a/./b",
                 "/.ciaos/stats", "/.ciaos-uploads/x", "/%2e%2e/x"):
        for method in ("GET", "PUT"):
            status = call(method, path, b"x" if method == "PUT" else None)[0]
            assert 400 <= status < 500, (method, path, status)
    assert call("PUT", "/hostile/copy", b"", {"x-amz-copy-source": "/../etc/passwd"})[0] >= 400
    assert call("PUT", "/hostile/%zz", b"x")[0] == 400


def bodies_of_another_length():
    start = b"PUT /hostile/short HTTP/1.1\r\nHost: x\r\n"
    assert raw(start + b"Content-Length: 100\r\n\r\nonly this", half_close=True) in (400, None)
    assert raw(start + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", half_close=True) in (400, None)
    assert raw(start + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n", half_close=True) in (400, None)
    assert raw(start + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", half_close=True) in (400, None)
    assert raw(start + b"Content-Length: 99999999999999\r\n\r\n", half_close=True) in (400, None)
    assert raw(start + b"\r\n") in (411, None)
    assert listed() == 0


def documents_that_expand():
    bomb = b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><Delete><Object><Key>&c;</Key></Object></Delete>"
    assert call("POST", "/hostile?delete", bomb)[0] == 400
    assert call("POST", "/hostile?delete", b"<a>" * 100_000)[0] == 400
    assert call("POST", "/hostile?delete", b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>")[0] == 400
    assert call("POST", "/hostile?delete", b"x" * (8 << 20))[0] == 400


def crowds_that_wait():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    idle = [socket.create_connection((HOST, int(PORT)), timeout=30) for _ in range(IDLE)]
    for connection in idle[::2]:
        connection.sendall(b"GET / HTT")
    assert call("PUT", "/hostile/meanwhile", b"served")[0] == 200
    assert call("GET", "/hostile/meanwhile") == (200, b"served")
    assert call("DELETE", "/hostile/meanwhile")[0] == 204
    for connection in idle:
        connection.close()


assert call("PUT", "/hostile")[0] == 200
before = resident_kib()
for check in (malformed_heads, paths_that_climb, bodies_of_another_length, documents_that_expand, crowds_that_wait):
    check()
    print(f"-- {check.__name__}")
grown = resident_kib() - before
assert grown < 200_000, f"the sidecar grew by {grown} KiB"
