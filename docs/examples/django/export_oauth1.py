"""A management command of Django that prints the clients and tokens of an Authlib OAuth 1 server, and Django's users, for
Countersign's `client import`, `token import` and `user import`. Put it into one of your apps as management/commands/export_oauth1.py:

    python manage.py export_oauth1 clients --model shop.Client --scope 'photos:read photos:write' > clients.ndjson
    python manage.py export_oauth1 users --model auth.User > users.ndjson
    python manage.py export_oauth1 tokens --model shop.TokenCredential > tokens.ndjson

    auth-service client import --dry-run clients.ndjson && auth-service client import clients.ndjson
    auth-service user import --dry-run users.ndjson && auth-service user import users.ndjson
    auth-service token import --dry-run tokens.ndjson && auth-service token import tokens.ndjson

Leave the users out where your site goes on to log them in. All these files hold secrets: keep them where nobody else reads (umask 077), or use a pipe, and delete them.

It reads what Authlib's mixins promise (get_client_secret, get_default_redirect_uri, get_rsa_public_key, get_oauth_token,
get_oauth_token_secret) and the fields client_id and user that its documentation shows. If your models have more, such as a
name or callbacks, add them to the functions at the end.
"""

import json

from django.apps import apps
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Prints clients, users or tokens of an Authlib OAuth 1 server as JSON lines."

    def add_arguments(self, parser):
        parser.add_argument("what", choices=["clients", "users", "tokens"])
        parser.add_argument("--model", required=True, help="app_label.Model")
        parser.add_argument("--scope", default="", help="what each client may ask for (Authlib's OAuth 1 knows no scopes)")
        parser.add_argument("--subject", action="store_true",
                            help="with the users' primary keys as sub: for delegated login, where your site names them so")

    def handle(self, what, model, scope, subject, **_options):
        rows = apps.get_model(model).objects.all().order_by("pk")
        if what == "tokens":
            rows = rows.select_related("user")
        for row in rows.iterator():
            record = {"clients": client, "users": user, "tokens": token}[what](row, scope, subject)
            self.stdout.write(json.dumps({name: value for name, value in record.items() if value not in (None, "")}))


def client(row, scope, _subject):
    callback = row.get_default_redirect_uri() or None
    return {
        "client_id": row.client_id,
        "client_secret": row.get_client_secret(),
        "rsa_public_key": rsa_public_key(row),
        "name": getattr(row, "name", None),
        # For oauth_callback=oob, and the one callback that this client may name until you register others: Authlib takes
        # any, Countersign only what was registered ("callbacks": ["https://app.example/cb/*"]).
        "default_callback": callback,
        "http_callbacks": True if callback and callback.startswith("http:") else None,
        "scope": scope,
    }


def user(row, _scope, _subject):
    return {
        "username": row.get_username(),
        "email": row.email,
        "password_hash": row.password if row.has_usable_password() else None,
        "disabled": True if not row.is_active else None,
        "created_at": int(row.date_joined.timestamp()),
    }


def token(row, _scope, subject):
    return {
        "oauth_token": row.get_oauth_token(),
        "oauth_token_secret": row.get_oauth_token_secret() or None,
        "client_id": row.client_id,
        "username": row.user.get_username(),
        "sub": str(row.user.pk) if subject else None,
        # Left out: its scope is then the client's default.
    }


def rsa_public_key(row):
    """A mixin that was never given one raises NotImplementedError."""
    try:
        return row.get_rsa_public_key()
    except (AttributeError, NotImplementedError):
        return None
