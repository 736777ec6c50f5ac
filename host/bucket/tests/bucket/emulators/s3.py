"""S3 as moto knows it, with a bucket and a user who may use it; others may not, unless the one
argument is "open": looking at each request takes its time.

Prints where it is and the user's keys, and serves until its input ends.
"""
import json
import sys

import boto3
import moto.settings
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
root = {
    "endpoint_url": f"http://{host}:{port}",
    "aws_access_key_id": "root",
    "aws_secret_access_key": "root",
    "region_name": "us-east-1",
}
boto3.client("s3", **root).create_bucket(Bucket="metrics")
iam = boto3.client("iam", **root)
iam.create_user(UserName="narthex")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="narthex", PolicyName="all", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="narthex")["AccessKey"]
# Who asks and how it is signed is looked at from here on.
if sys.argv[1:] != ["open"]:
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(json.dumps({"address": f"{host}:{port}", "user": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
