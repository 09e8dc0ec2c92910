"""What S3 lets whom do, and what it keeps secret: policies, public access blocks, CORS, forms, encryption.

usage: _s3_rights.py HOST:PORT MOUNT FILE first|again

"first" sets everything and tries it, "again" tries what was set before. FILE remembers between the two what only the
client knows.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import sys
import urllib.error
import urllib.request

import botocore.exceptions

from _s3_client import client_of, refused

ADDRESS, MOUNT, REMEMBERED, WHEN = sys.argv[1:5]
FIRST = WHEN == "first"
BUCKET = "rights"
PLAIN = b"what nobody but its owner may read, " * 1000


ALICE = client_of(ADDRESS, "ALICEKEY", "alice-secret")
BOB = client_of(ADDRESS, "BOBKEY", "bob-secret")


def stranger(method, path, headers=None, body=None):
    """Status, headers and body of a request that nobody signed."""
    connection = http.client.HTTPConnection(ADDRESS, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def stored(key):
    with open(os.path.join(MOUNT, BUCKET, key), "rb") as file:
        return file.read()


def policies():
    arn = f"arn:aws:s3:::{BUCKET}"
    if FIRST:
        ALICE.create_bucket(Bucket=BUCKET)
        for key in ("open/one", "closed/one", "tagged"):
            ALICE.put_object(Bucket=BUCKET, Key=key, Body=b"of " + key.encode())
        ALICE.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": [{"Key": "for", "Value": "bob"}]})
        refused("AccessDenied", BOB.get_object, Bucket=BUCKET, Key="open/one")
        refused("AccessDenied", BOB.put_bucket_policy, Bucket=BUCKET, Policy="{}")
        refused("MalformedPolicy", ALICE.put_bucket_policy, Bucket=BUCKET, Policy='{"Statement": "all"}')
        refused("NoSuchBucketPolicy", ALICE.get_bucket_policy, Bucket=BUCKET)
        ALICE.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/open/*"},
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:user/bob"]}, "Action": "s3:GetObject",
             "Resource": f"{arn}/*", "Condition": {"StringEquals": {"s3:ExistingObjectTag/for": "bob"}}},
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:user/bob"]}, "Action": "s3:ListBucket",
             "Resource": arn, "Condition": {"StringLike": {"s3:prefix": "open/*"}}},
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:user/bob"]}, "Action": "s3:PutObject",
             "Resource": f"{arn}/from-here/*", "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:user/bob"]}, "Action": "s3:PutObject",
             "Resource": f"{arn}/from-afar/*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"{arn}/open/*"}]}))
    assert len(json.loads(ALICE.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]) == 6
    assert ALICE.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"]
    assert stranger("GET", f"/{BUCKET}/open/one")[::2] == (200, b"of open/one")
    assert stranger("GET", f"/{BUCKET}/closed/one")[0] == 403
    assert stranger("GET", f"/{BUCKET}?list-type=2&prefix=open/")[0] == 403
    assert BOB.get_object(Bucket=BUCKET, Key="tagged")["Body"].read() == b"of tagged"
    refused("AccessDenied", BOB.get_object, Bucket=BUCKET, Key="closed/one")
    assert [o["Key"] for o in BOB.list_objects_v2(Bucket=BUCKET, Prefix="open/")["Contents"]] == ["open/one"]
    refused("AccessDenied", BOB.list_objects_v2, Bucket=BUCKET)
    refused("AccessDenied", BOB.list_objects_v2, Bucket=BUCKET, Prefix="closed/")
    BOB.put_object(Bucket=BUCKET, Key="from-here/x", Body=b"x")
    refused("AccessDenied", BOB.put_object, Bucket=BUCKET, Key="from-afar/x", Body=b"x")
    # What is denied is denied to the owner, too.
    refused("AccessDenied", ALICE.delete_object, Bucket=BUCKET, Key="open/one")


def public_access_blocks():
    if FIRST:
        refused("NoSuchPublicAccessBlockConfiguration", ALICE.get_public_access_block, Bucket=BUCKET)
        ALICE.create_bucket(Bucket="blocked")
        ALICE.put_object(Bucket="blocked", Key="listed", Body=b"x", ACL="public-read")
        assert stranger("GET", "/blocked/listed")[0] == 200
        ALICE.put_public_access_block(Bucket="blocked", PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
    block = ALICE.get_public_access_block(Bucket="blocked")["PublicAccessBlockConfiguration"]
    assert all(block.values()) and len(block) == 4, block
    assert stranger("GET", "/blocked/listed")[0] == 403
    refused("AccessDenied", ALICE.put_object_acl, Bucket="blocked", Key="listed", ACL="public-read")
    refused("AccessDenied", ALICE.put_bucket_policy, Bucket="blocked", Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                "Resource": "arn:aws:s3:::blocked/*"}]}))


def cors():
    if FIRST:
        refused("NoSuchCORSConfiguration", ALICE.get_bucket_cors, Bucket=BUCKET)
        ALICE.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [
            {"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"],
             "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 77}]})
    assert ALICE.get_bucket_cors(Bucket=BUCKET)["CORSRules"][0]["MaxAgeSeconds"] == 77
    page = {"Origin": "https://app.example.com"}
    status, headers, _ = stranger("OPTIONS", f"/{BUCKET}/open/one", {
        **page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-date"})
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://app.example.com", (status, headers.items())
    assert headers["Access-Control-Max-Age"] == "77" and "PUT" in headers["Access-Control-Allow-Methods"]
    for wrong in ({"Origin": "https://example.org", "Access-Control-Request-Method": "GET"},
                  {**page, "Access-Control-Request-Method": "DELETE"},
                  {**page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}):
        status, headers, _ = stranger("OPTIONS", f"/{BUCKET}/open/one", wrong)
        assert status == 403 and "Access-Control-Allow-Origin" not in headers, wrong
    status, headers, _ = stranger("GET", f"/{BUCKET}/open/one", page)
    assert status == 200 and headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Access-Control-Allow-Origin" not in stranger("GET", f"/{BUCKET}/open/one", {"Origin": "https://x.org"})[1]


def form_of(fields, name, data):
    boundary = "a-line-that-stands-nowhere-else"
    lines = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                     for key, value in fields.items())
    lines += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
    return lines + b"Content-Type: text/plain\r\n\r\n" + data + f"\r\n--{boundary}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={boundary}"}


def signed_form(expires_in, conditions, **fields):
    now = datetime.datetime.now(datetime.timezone.utc)
    credential = f"ALICEKEY/{now:%Y%m%d}/us-east-1/s3/aws4_request"
    fields.update({"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": credential,
                   "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}"})
    policy = {"expiration": f"{now + datetime.timedelta(seconds=expires_in):%Y-%m-%dT%H:%M:%SZ}",
              "conditions": [{"bucket": BUCKET}, ["starts-with", "$key", "forms/"], *conditions] + [
                  {name: fields[name]} for name in fields if name.startswith("x-amz-")]}
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
    key = b"AWS4alice-secret"
    for word in (f"{now:%Y%m%d}", "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    fields["x-amz-signature"] = hmac.new(key, fields["policy"].encode(), hashlib.sha256).hexdigest()
    return fields


def forms():
    def post(fields, data=b"from a form", name="cat.jpg"):
        body, headers = form_of(fields, name, data)
        return stranger("POST", f"/{BUCKET}", headers, body)[0]

    assert post(signed_form(60, [], key="forms/${filename}")) == 204
    assert stored("forms/cat.jpg") == b"from a form"
    sized = [["content-length-range", 5, 20]]
    assert post(signed_form(60, sized, key="forms/sized")) == 204
    assert post(signed_form(60, sized, key="forms/long"), b"x" * 21) == 400
    assert post(signed_form(60, sized, key="forms/short"), b"x") == 400
    assert post(signed_form(-60, [], key="forms/late")) == 403
    assert post(signed_form(60, [], key="elsewhere/x")) == 403
    forged = signed_form(60, [], key="forms/forged")
    forged["x-amz-signature"] = forged["x-amz-signature"][::-1]
    assert post(forged) == 403
    unspoken = signed_form(60, [], key="forms/more")
    unspoken["acl"] = "public-read"
    assert post(unspoken) == 403
    assert post({"key": "forms/unsigned"}) == 403
    assert sorted(os.listdir(os.path.join(MOUNT, BUCKET, "forms"))) == ["cat.jpg", "sized"]


def encryption():
    if FIRST:
        secret = os.urandom(32)
        with open(REMEMBERED, "wb") as file:
            file.write(secret)
    with open(REMEMBERED, "rb") as file:
        secret = file.read()
    mine = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": secret}
    other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(32)}
    if FIRST:
        ALICE.put_object(Bucket=BUCKET, Key="sse/client", Body=PLAIN, **mine)
        ALICE.put_object(Bucket=BUCKET, Key="sse/own", Body=PLAIN, ServerSideEncryption="AES256")
        ALICE.put_object(Bucket=BUCKET, Key="sse/named", Body=PLAIN, ServerSideEncryption="aws:kms", SSEKMSKeyId="second")
        refused("InvalidArgument", ALICE.put_object, Bucket=BUCKET, Key="sse/none", Body=PLAIN,
                ServerSideEncryption="aws:kms", SSEKMSKeyId="of nobody")
        upload = ALICE.create_multipart_upload(Bucket=BUCKET, Key="sse/parts", **mine)["UploadId"]
        parts = []
        for number, data in enumerate((PLAIN * 200, PLAIN), 1):
            etag = ALICE.upload_part(Bucket=BUCKET, Key="sse/parts", UploadId=upload, PartNumber=number,
                                     Body=data, **mine)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        refused("InvalidRequest", ALICE.complete_multipart_upload, Bucket=BUCKET, Key="sse/parts", UploadId=upload,
                MultipartUpload={"Parts": parts})
        whole = {"Bucket": BUCKET, "Key": "sse/parts", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
        try:
            ALICE.complete_multipart_upload(**whole, **mine)
        except botocore.exceptions.ParamValidationError:
            # Older clients encode the key for this operation no more than any other text.
            ALICE.complete_multipart_upload(**whole, SSECustomerAlgorithm="AES256",
                                            SSECustomerKey=base64.b64encode(secret).decode(),
                                            SSECustomerKeyMD5=base64.b64encode(hashlib.md5(secret).digest()).decode())
        ALICE.create_bucket(Bucket="secret")
        ALICE.put_bucket_encryption(Bucket="secret", ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
        ALICE.put_object(Bucket="secret", Key="by-default", Body=PLAIN)
    assert ALICE.get_object(Bucket=BUCKET, Key="sse/client", **mine)["Body"].read() == PLAIN
    assert ALICE.get_object(Bucket=BUCKET, Key="sse/client", Range="bytes=17-99", **mine)["Body"].read() == PLAIN[17:100]
    refused("InvalidRequest", ALICE.get_object, Bucket=BUCKET, Key="sse/client")
    refused("InvalidRequest", ALICE.get_object, Bucket=BUCKET, Key="sse/client", **other)
    assert ALICE.get_object(Bucket=BUCKET, Key="sse/parts", **mine)["Body"].read() == PLAIN * 201
    border = len(PLAIN) * 200
    assert ALICE.get_object(Bucket=BUCKET, Key="sse/parts", Range=f"bytes={border - 50}-{border + 49}", **mine)[
        "Body"].read() == PLAIN[-50:] + PLAIN[:50]
    for bucket, key, how in ((BUCKET, "sse/own", "AES256"), (BUCKET, "sse/named", "aws:kms"), ("secret", "by-default", "AES256")):
        got = ALICE.get_object(Bucket=bucket, Key=key)
        assert got["Body"].read() == PLAIN and got["ServerSideEncryption"] == how, key
        with open(os.path.join(MOUNT, bucket, key), "rb") as file:
            lies = file.read()
        assert len(lies) == len(PLAIN) and PLAIN[:32] not in lies, key
    assert PLAIN[:32] not in stored("sse/client")
    # A copy is an object of its own, under the bucket's rule.
    ALICE.copy_object(Bucket="secret", Key=f"copy-{WHEN}", CopySource=f"{BUCKET}/sse/own")
    assert ALICE.get_object(Bucket="secret", Key=f"copy-{WHEN}")["Body"].read() == PLAIN


def no_secret_is_told():
    for url in (f"http://{ADDRESS}/metrics", f"http://{ADDRESS}/health"):
        with urllib.request.urlopen(url) as response:
            text = response.read()
        assert b"alice-secret" not in text and b"ALICEKEY" not in text


for check in (policies, public_access_blocks, cors, forms, encryption, no_secret_is_told):
    check()
    print(f"-- {check.__name__}")
