"""Authlib's resource protector on Flask, as its documentation has it: SQLAlchemy with MariaDB, nonces in Redis."""

import os
from urllib.parse import quote

import redis
from authlib.integrations.flask_oauth1 import ResourceProtector, create_exists_nonce_func, current_credential
from authlib.oauth1 import ClientMixin, TokenCredentialMixin
from flask import Flask, Response, json
from flask_sqlalchemy import SQLAlchemy

application = Flask(__name__)
application.config["SQLALCHEMY_DATABASE_URI"] = (
    f"mysql://{os.environ['BENCH_USER']}:{quote(os.environ['BENCH_PASSWORD'], safe='')}@/{os.environ['BENCH_DATABASE']}"
    f"?unix_socket={os.environ['BENCH_SOCKET']}")
db = SQLAlchemy(application)


class Client(ClientMixin, db.Model):
    __tablename__ = "oauth_client"
    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.String(48), unique=True)
    client_secret = db.Column(db.String(48))

    def get_default_redirect_uri(self):
        return None

    def get_client_secret(self):
        return self.client_secret

    def get_rsa_public_key(self):
        return None


class Token(TokenCredentialMixin, db.Model):
    __tablename__ = "oauth_token"
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer)
    client_id = db.Column(db.String(48))
    oauth_token = db.Column(db.String(84), unique=True)
    oauth_token_secret = db.Column(db.String(84))

    def get_oauth_token(self):
        return self.oauth_token

    def get_oauth_token_secret(self):
        return self.oauth_token_secret


class Cache:
    """What Authlib asks of one."""

    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)

    def has(self, key):
        return bool(self.redis.exists(key))

    def set(self, key, value, timeout):
        self.redis.set(key, value, ex=timeout)


require_oauth = ResourceProtector(
    application,
    query_client=lambda client_id: Client.query.filter_by(client_id=client_id).first(),
    query_token=lambda client_id, token: Token.query.filter_by(client_id=client_id, oauth_token=token).first(),
    exists_nonce=create_exists_nonce_func(Cache(os.environ["BENCH_REDIS"])),
)


@application.route("/photos")
@require_oauth()
def photos():
    answer = {"active": True, "sub": current_credential.user_id, "client_id": current_credential.client_id}
    return Response(json.dumps(answer, separators=(",", ":"), sort_keys=False), mimetype="application/json")
