"""Clients of S3 as boto3 has them, and what they are to be refused."""

import boto3
import botocore.config
import botocore.exceptions


def client_of(address, access, secret):
    return boto3.client("s3", endpoint_url=f"http://{address}", aws_access_key_id=access, aws_secret_access_key=secret,
                        region_name="us-east-1", config=botocore.config.Config(
                            s3={"addressing_style": "path"}, retries={"max_attempts": 0}, signature_version="s3v4"))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        got = error.response["Error"]["Code"]
        assert got == code, f"{got} instead of {code}"
        return
    raise AssertionError(f"{code} was expected")
