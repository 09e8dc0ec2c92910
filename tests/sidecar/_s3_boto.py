"""S3 as boto3 speaks it: objects, listings, conditions, ranges, uploads in parts, copies, tags, rights.

usage: _s3_boto.py HOST:PORT MOUNT      MOUNT: where the same store is mounted
"""

import hashlib
import os
import sys
import urllib.error
import urllib.request

import botocore.exceptions

from _s3_client import client_of, refused

ADDRESS, MOUNT = sys.argv[1], sys.argv[2]
S3 = client_of(ADDRESS, "ALICEKEY", "alice-secret")
BOB = client_of(ADDRESS, "BOBKEY", "bob-secret")


def body_of(key, **arguments):
    return S3.get_object(Bucket="photos", Key=key, **arguments)["Body"].read()


def buckets():
    S3.create_bucket(Bucket="photos")
    S3.create_bucket(Bucket="photos")
    refused("BucketAlreadyExists", BOB.create_bucket, Bucket="photos")
    for name in ("put", "ready", "bob"):
        try:
            S3.create_bucket(Bucket=name)
            raise AssertionError(name)
        except botocore.exceptions.ClientError:
            pass
    assert [b["Name"] for b in S3.list_buckets()["Buckets"]] == ["photos"]
    assert BOB.list_buckets()["Buckets"] == []
    S3.head_bucket(Bucket="photos")
    refused("404", S3.head_bucket, Bucket="nothing-here")
    refused("NoSuchBucket", S3.list_objects_v2, Bucket="nothing-here")
    assert os.path.isdir(os.path.join(MOUNT, "photos"))


def objects():
    data = os.urandom(3_000_000)
    put = S3.put_object(Bucket="photos", Key="a/b", Body=data, ContentType="image/png", Metadata={"who": "me"})
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    with open(os.path.join(MOUNT, "photos/a/b"), "rb") as file:
        assert file.read() == data
    got = S3.get_object(Bucket="photos", Key="a/b")
    assert got["Body"].read() == data and got["ContentType"] == "image/png" and got["Metadata"] == {"who": "me"}
    assert body_of("a/b", Range="bytes=5-9") == data[5:10]
    assert body_of("a/b", Range="bytes=-7") == data[-7:]
    assert body_of("a/b", Range="bytes=2999990-") == data[2999990:]
    refused("InvalidRange", S3.get_object, Bucket="photos", Key="a/b", Range="bytes=3000000-")
    refused("NoSuchKey", S3.get_object, Bucket="photos", Key="none")
    refused("304", S3.get_object, Bucket="photos", Key="a/b", IfNoneMatch=put["ETag"])
    refused("PreconditionFailed", S3.get_object, Bucket="photos", Key="a/b", IfMatch='"x"')
    head = S3.head_object(Bucket="photos", Key="a/b")
    refused("304", S3.get_object, Bucket="photos", Key="a/b", IfModifiedSince=head["LastModified"])
    with open(os.path.join(MOUNT, "photos/a/b"), "ab") as file:
        file.write(b"!")
    head = S3.head_object(Bucket="photos", Key="a/b")
    assert head["ContentLength"] == 3_000_001 and head["ETag"] != put["ETag"] and "-" in head["ETag"]
    S3.put_object(Bucket="photos", Key="empty", Body=b"")
    assert body_of("empty") == b""
    refused("BadDigest", S3.put_object, Bucket="photos", Key="bad", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused("InvalidObjectName", S3.put_object, Bucket="photos", Key="a//b", Body=b"")
    refused("ObjectConflict", S3.put_object, Bucket="photos", Key="empty/below", Body=b"")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        S3.put_object(Bucket="photos", Key="summed", Body=b"123456789", ChecksumAlgorithm=algorithm)
        got = S3.get_object(Bucket="photos", Key="summed", ChecksumMode="ENABLED")
        assert got["Body"].read() == b"123456789" and got[f"Checksum{algorithm}"]
    refused("BadDigest", S3.put_object, Bucket="photos", Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
    refused("404", S3.head_object, Bucket="photos", Key="bad")
    S3.delete_object(Bucket="photos", Key="summed")
    S3.delete_object(Bucket="photos", Key="summed")


def listings():
    keys = ["l/" + k for k in ("a-b", "a/1", "a/2", "a0", "b", "ü", "x y+z")]
    for key in keys:
        S3.put_object(Bucket="photos", Key=key, Body=b"x")
    pages = S3.get_paginator("list_objects_v2").paginate(Bucket="photos", Prefix="l/", PaginationConfig={"PageSize": 2})
    listed = [o["Key"] for page in pages for o in page.get("Contents", [])]
    assert listed == sorted(keys, key=lambda k: k.encode()), listed
    page = S3.list_objects_v2(Bucket="photos", Prefix="l/", Delimiter="/")
    assert [p["Prefix"] for p in page["CommonPrefixes"]] == ["l/a/"]
    assert page["KeyCount"] == 6
    page = S3.list_objects(Bucket="photos", Prefix="l/", Marker="l/a/2", MaxKeys=1)
    assert [o["Key"] for o in page["Contents"]] == ["l/a0"] and page["IsTruncated"]
    done = S3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": k} for k in keys + ["l/none"]]})
    assert len(done["Deleted"]) == len(keys) + 1
    assert not os.path.exists(os.path.join(MOUNT, "photos/l"))


def uploads_in_parts():
    parts = [os.urandom(5 << 20), os.urandom(5 << 20), b"the end"]
    upload = S3.create_multipart_upload(Bucket="photos", Key="big", ContentType="x/big")["UploadId"]
    named = []
    for number, data in enumerate(parts, 1):
        etag = S3.upload_part(Bucket="photos", Key="big", UploadId=upload, PartNumber=number, Body=data)["ETag"]
        named.append({"PartNumber": number, "ETag": etag})
    assert [p["Size"] for p in S3.list_parts(Bucket="photos", Key="big", UploadId=upload)["Parts"]] == [
        len(p) for p in parts]
    assert S3.list_multipart_uploads(Bucket="photos")["Uploads"][0]["Key"] == "big"
    refused("InvalidPartOrder", S3.complete_multipart_upload, Bucket="photos", Key="big", UploadId=upload,
            MultipartUpload={"Parts": named[::-1]})
    refused("InvalidPart", S3.complete_multipart_upload, Bucket="photos", Key="big", UploadId=upload,
            MultipartUpload={"Parts": named + [{"PartNumber": 9, "ETag": named[0]["ETag"]}]})
    S3.complete_multipart_upload(Bucket="photos", Key="big", UploadId=upload, MultipartUpload={"Parts": named})
    whole = b"".join(parts)
    md5s = b"".join(hashlib.md5(p).digest() for p in parts)
    got = S3.get_object(Bucket="photos", Key="big")
    assert got["Body"].read() == whole and got["ContentType"] == "x/big"
    assert got["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    with open(os.path.join(MOUNT, "photos/big"), "rb") as file:
        assert file.read() == whole
    upload = S3.create_multipart_upload(Bucket="photos", Key="pieces")["UploadId"]
    etag = S3.upload_part_copy(Bucket="photos", Key="pieces", UploadId=upload, PartNumber=1, CopySource="photos/big",
                               CopySourceRange="bytes=10-19")["CopyPartResult"]["ETag"]
    S3.complete_multipart_upload(Bucket="photos", Key="pieces", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert body_of("pieces") == whole[10:20]
    upload = S3.create_multipart_upload(Bucket="photos", Key="never")["UploadId"]
    S3.upload_part(Bucket="photos", Key="never", UploadId=upload, PartNumber=1, Body=b"x")
    S3.abort_multipart_upload(Bucket="photos", Key="never", UploadId=upload)
    refused("NoSuchUpload", S3.list_parts, Bucket="photos", Key="never", UploadId=upload)


def copies_and_tags():
    S3.put_object(Bucket="photos", Key="from", Body=b"copied", Metadata={"a": "1"}, Tagging="t=1&u=2")
    S3.copy_object(Bucket="photos", Key="to", CopySource="photos/from")
    got = S3.get_object(Bucket="photos", Key="to")
    assert got["Body"].read() == b"copied" and got["Metadata"] == {"a": "1"}
    S3.copy_object(Bucket="photos", Key="to", CopySource="photos/from", MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert S3.head_object(Bucket="photos", Key="to")["Metadata"] == {"b": "2"}
    refused("InvalidRequest", S3.copy_object, Bucket="photos", Key="to", CopySource="photos/to")
    refused("PreconditionFailed", S3.copy_object, Bucket="photos", Key="to", CopySource="photos/from",
            CopySourceIfMatch='"x"')
    assert S3.get_object_tagging(Bucket="photos", Key="from")["TagSet"] == [
        {"Key": "t", "Value": "1"}, {"Key": "u", "Value": "2"}]
    S3.put_object_tagging(Bucket="photos", Key="from", Tagging={"TagSet": [{"Key": "x", "Value": "y z"}]})
    assert S3.get_object_tagging(Bucket="photos", Key="from")["TagSet"] == [{"Key": "x", "Value": "y z"}]
    S3.delete_object_tagging(Bucket="photos", Key="from")
    assert S3.get_object_tagging(Bucket="photos", Key="from")["TagSet"] == []


def rights():
    S3.put_object(Bucket="photos", Key="private", Body=b"mine")
    for call in (BOB.get_object, BOB.head_object, BOB.delete_object):
        try:
            call(Bucket="photos", Key="private")
            raise AssertionError("bob may")
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    refused("SignatureDoesNotMatch", client_of(ADDRESS, "ALICEKEY", "guess").list_buckets)
    refused("InvalidAccessKeyId", client_of(ADDRESS, "NOBODY", "x").list_buckets)
    url = S3.generate_presigned_url("get_object", Params={"Bucket": "photos", "Key": "private"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"mine"
    for wrong in (url.replace("private", "from"), url.replace("Expires=60", "Expires=600"),
                  f"http://{ADDRESS}/photos/private"):
        try:
            urllib.request.urlopen(wrong).close()
            raise AssertionError(wrong)
        except urllib.error.HTTPError as error:
            assert error.code == 403, error.code
    S3.put_object_acl(Bucket="photos", Key="private", ACL="public-read")
    with urllib.request.urlopen(f"http://{ADDRESS}/photos/private") as response:
        assert response.read() == b"mine"
    S3.put_bucket_acl(Bucket="photos", ACL="public-read-write")
    BOB.put_object(Bucket="photos", Key="bobs", Body=b"his")
    assert len(S3.get_bucket_acl(Bucket="photos")["Grants"]) == 3
    S3.put_bucket_acl(Bucket="photos", ACL="private")
    refused("AccessDenied", BOB.put_object, Bucket="photos", Key="bobs", Body=b"his")
    refused("NotImplemented", S3.put_bucket_versioning, Bucket="photos", VersioningConfiguration={"Status": "Enabled"})


def the_end():
    refused("BucketNotEmpty", S3.delete_bucket, Bucket="photos")
    for page in S3.get_paginator("list_objects_v2").paginate(Bucket="photos"):
        for entry in page["Contents"]:
            S3.delete_object(Bucket="photos", Key=entry["Key"])
    S3.delete_bucket(Bucket="photos")
    assert not os.path.exists(os.path.join(MOUNT, "photos"))


for check in (buckets, objects, listings, uploads_in_parts, copies_and_tags, rights, the_end):
    check()
    print(f"-- {check.__name__}")
