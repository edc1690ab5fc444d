"""oauthlib's resource endpoint on bare WSGI, credentials read from MariaDB once, nonces in Redis: about the least that one can
write in Python."""

import json
import os
import threading
import time

import MySQLdb
import redis
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint

database = MySQLdb.connect(
    unix_socket=os.environ["BENCH_SOCKET"], user=os.environ["BENCH_USER"], password=os.environ["BENCH_PASSWORD"],
    db=os.environ["BENCH_DATABASE"])
nonces = redis.Redis.from_url(os.environ["BENCH_REDIS"])
clients, tokens = {}, {}
one_at_a_time = threading.Lock()


def read_row(known, key, statement):
    if key not in known:
        with one_at_a_time:
            cursor = database.cursor()
            cursor.execute(statement, (key,))
            known[key] = cursor.fetchone()
            database.commit()
    return known[key]


def client_of(client_id):
    return read_row(clients, client_id, "SELECT client_secret FROM oauth_client WHERE client_id = %s")


def token_of(token):
    return read_row(tokens, token, "SELECT client_id, oauth_token_secret, user_id FROM oauth_token WHERE oauth_token = %s")


class Validator(RequestValidator):
    enforce_ssl = False
    client_key_length = access_token_length = nonce_length = (1, 64)
    dummy_client = dummy_access_token = "nobody"

    def check_client_key(self, client_key):
        return True

    def check_access_token(self, access_token):
        return True

    def check_nonce(self, nonce):
        return True

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, request_token=None, access_token=None):
        if abs(time.time() - int(timestamp)) > 300:
            return False
        return bool(nonces.set(f"nonce:{client_key}:{access_token}:{timestamp}:{nonce}", 1, ex=600, nx=True))

    def validate_client_key(self, client_key, request):
        return client_of(client_key) is not None

    def validate_access_token(self, client_key, token, request):
        row = token_of(token)
        return row is not None and row[0] == client_key

    def validate_realms(self, client_key, token, request, uri=None, realms=None):
        return True

    def get_client_secret(self, client_key, request):
        return client_of(client_key)[0]

    def get_access_token_secret(self, client_key, token, request):
        return token_of(token)[1]


endpoint = ResourceEndpoint(Validator())


def application(environ, start_response):
    url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"
    headers = {"Authorization": environ.get("HTTP_AUTHORIZATION", "")}
    valid, request = endpoint.validate_protected_resource_request(url, environ["REQUEST_METHOD"], None, headers)
    answer = {"active": valid}
    if valid:
        answer.update(sub=token_of(request.resource_owner_key)[2], client_id=request.client_key)
    body = json.dumps(answer, separators=(",", ":")).encode()
    start_response("200 OK" if valid else "401 Unauthorized",
                   [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
