"""The page's questions asked by those who should get no answer, and by users of different rights."""

import base64
import http.client
import json
import socket
import struct
import sys
import zlib

import boto3

sidecar, mount = sys.argv[1:3]
host, port = sidecar.rsplit(":", 1)


def ask(path, method="GET", **headers):
    """(status, headers in lower case, body) of a raw request: nothing tidies the path."""
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        lines = {"Host": sidecar, "Connection": "close", **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        plain.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        answer = http.client.HTTPResponse(plain, method=method)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def expect(status, path, method="GET", **headers):
    got = ask(path, method, **headers)
    assert got[0] == status, f"{method} {path} {headers}: {got[0]} instead of {status}: {got[2][:300]}"
    return got


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


def sign_in(pair):
    return "Bearer " + json.loads(expect(200, "/_ui/api/session", Authorization=basic(pair))[2])["token"]


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


QUESTIONS = ["figures", "volumes", "buckets", "objects?bucket=alices", "object?bucket=alices&key=page.html"]
client = boto3.client("s3", endpoint_url=f"http://{sidecar}", aws_access_key_id="ALICEKEY",
                      aws_secret_access_key="alice-secret", region_name="us-east-1")
client.create_bucket(Bucket="alices")
SCRIPT = b"<script>document.title = 'run'</script>"
STORED = {"page.html": (SCRIPT, "text/html"),
          "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", "image/svg+xml"),
          "not-an-image.png": (SCRIPT, "image/png"), "an-image": (png(), "text/html"), "empty": (b"", "image/png"),
          "shown/one": (b"1", "text/plain"), "d\u00fcrer <b>&\"'": (png(), "image/png")}
for key, (body, kind) in STORED.items():
    client.put_object(Bucket="alices", Key=key, Body=body, ContentType=kind)

# The page itself is everybody's, the rest nobody's.
status, headers, body = expect(200, "/_ui/")
assert headers["content-type"].startswith("text/html") and b"<script type=\"module\" src=\"app.js\">" in body
assert "default-src 'none'" in headers["content-security-policy"] and "'unsafe" not in headers["content-security-policy"]
assert headers["x-content-type-options"] == "nosniff" and "set-cookie" not in headers
assert expect(303, "/_ui")[1]["location"] == "/_ui/"
status, headers, body = expect(200, "/_ui/app.js")
assert headers["content-type"].startswith("text/javascript")
assert expect(304, "/_ui/app.js", If_None_Match=headers["etag"])[2] == b""
assert expect(200, "/_ui/app.js", "HEAD")[2] == b""
for path in ["/_ui/none.js", "/_ui/../page.css", "/_ui/%2e%2e/etc/passwd", "/_ui//etc/passwd", "/_ui/index.html/x"]:
    expect(404, path)
for question in QUESTIONS:
    expect(401, f"/_ui/api/{question}")
    for forged in ["", "Bearer", "Bearer x.y.z", "Bearer 1.99999999999.414c4943454b4559." + "0" * 64,
                   basic("ALICEKEY:alice-secret")]:
        expect(401, f"/_ui/api/{question}", Authorization=forged)
expect(401, "/_ui/object/alices/page.html")
expect(401, "/_ui/object/alices/page.html?ticket=99999999999.414c4943454b4559." + "0" * 64)
for pair in ["ALICEKEY:", "ALICEKEY:bob-secret", "ALICEKEY", ":", "NOBODY:x"]:
    expect(401, "/_ui/api/session", Authorization=basic(pair))

alice, bob = sign_in("ALICEKEY:alice-secret"), sign_in("BOBKEY:bob-secret")
assert json.loads(expect(200, "/_ui/api/session", Authorization=bob)[2])["user"] == "bob"
for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]:
    for path in ["/_ui/", "/_ui/api/figures", "/_ui/object/alices/page.html", "/_ui/api/session"]:
        assert expect(405, path, method, Authorization=alice)[1]["allow"] == "GET, HEAD"
for site in ["cross-site", "same-site"]:
    expect(403, "/_ui/api/figures", Authorization=alice, Sec_Fetch_Site=site)
expect(200, "/_ui/api/figures", Authorization=alice, Sec_Fetch_Site="same-origin")


def answer(token, question):
    return json.loads(expect(200, f"/_ui/api/{question}", Authorization=token)[2])


# Who may see what. A directory that was made on the mount is everybody's who has a key.
assert {b["name"] for b in answer(alice, "buckets")["buckets"]} == {"alices", "made-on-the-mount"}
assert {b["name"] for b in answer(bob, "buckets")["buckets"]} == {"made-on-the-mount"}
expect(403, "/_ui/api/objects?bucket=alices", Authorization=bob)
expect(403, "/_ui/api/object?bucket=alices&key=page.html", Authorization=bob)
expect(403, "/_ui/api/object?bucket=alices&key=none", Authorization=bob)
expect(404, "/_ui/api/object?bucket=alices&key=none", Authorization=alice)
client.put_bucket_policy(Bucket="alices", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "bob"}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::alices",
     "Condition": {"StringLike": {"s3:prefix": "shown/*"}}}]}))
assert [e["key"] for e in answer(bob, "objects?bucket=alices&prefix=shown/")["entries"]] == ["shown/one"]
expect(403, "/_ui/api/objects?bucket=alices", Authorization=bob)
expect(403, "/_ui/api/object?bucket=alices&key=shown/one", Authorization=bob)
entries = answer(alice, "objects?bucket=alices")["entries"]
assert {e.get("key", e.get("prefix")) for e in entries} >= {"page.html", "shown/", "d%C3%BCrer%20%3Cb%3E%26%22%27"}, entries

# Only pixels are shown, whatever was said of them.
for key, (body, kind) in STORED.items():
    if key.startswith("shown/"):
        continue
    quoted = "".join(c if c.isalnum() and c.isascii() or c in ".-" else "".join(f"%{b:02X}" for b in c.encode()) for c in key)
    link = answer(alice, f"object?bucket=alices&key={quoted}")["link"]
    status, headers, got = expect(200, link)
    assert got == body, key
    shown = body.startswith(b"\x89PNG")
    assert headers["content-type"] == ("image/png" if shown else "application/octet-stream"), (key, headers)
    assert headers["content-disposition"].startswith("inline;" if shown else "attachment;"), (key, headers)
    assert "sandbox" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store" and "\r" not in headers["content-disposition"]
    status, head, nothing = expect(200, link, "HEAD")
    assert nothing == b"" and head["content-type"] == headers["content-type"] and head["content-length"] == str(len(body))
    expect(401, link.replace(quoted, "shown/one", 1))
    expect(401, link[:-1] + ("0" if link[-1] != "0" else "1"))

# No way out of the names of objects.
ways = ["..", "../..", "%2e%2e", "alices/../../etc/passwd", "alices/%2e%2e/%2e%2e/etc/passwd", "alices%2f..%2fx", "", "/",
        "alices", "alices/", "/etc/passwd", ".ciaos/stats", "alices/%00", "%zz"]
for way in ways:
    assert ask(f"/_ui/object/{way}", Authorization=alice)[0] in (400, 401), way
for bucket, key in [("..", "x"), (".", "x"), (".ciaos", "stats"), (".ciaos-uploads", "x"), ("alices", "../made-on-the-mount/f"),
                    ("alices", "./page.html"), ("alices", "shown//one"), ("alices", "%00"), ("alices/shown", "one"), ("", "x"),
                    ("alices", "")]:
    status = ask(f"/_ui/api/object?bucket={bucket}&key={key}", Authorization=alice)[0]
    assert status in (400, 403, 404), (bucket, key, status)
for bucket in ["..", ".", ".ciaos", ".ciaos-uploads", "alices/shown", "none"]:
    status = ask(f"/_ui/api/objects?bucket={bucket}", Authorization=alice)[0]
    assert status in (400, 403, 404), (bucket, status)

# Long listings come in pages.
for number in range(230):
    with open(f"{mount}/made-on-the-mount/{number:03}", "w", encoding="ascii") as file:
        file.write(str(number))
after, seen = "", []
while after is not None:
    page = answer(bob, f"objects?bucket=made-on-the-mount&after={after}")
    assert len(page["entries"]) <= 100
    seen += [e["key"] for e in page["entries"] if e.get("key")]
    after = page["next"]
assert [key for key in seen if key] == sorted(f"{n:03}" for n in range(230)), len(seen)

# Requests that are signed as S3's are S3's.
try:
    client.list_objects_v2(Bucket="_ui")
    raise AssertionError("a bucket _ui")
except client.exceptions.NoSuchBucket:
    pass
except Exception as error:  # botocore may refuse the name by itself
    assert "Invalid bucket name" in str(error), error

with open(sys.argv[3], "w", encoding="ascii") as file:
    file.write(f"{alice}\n{bob}\n")
