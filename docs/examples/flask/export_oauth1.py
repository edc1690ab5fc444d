"""A command of Flask that prints the clients and tokens of an Authlib OAuth 1 server with SQLAlchemy, for Countersign's
`client import` and `token import`. Where your application is made:

    from export_oauth1 import add_export
    add_export(app, Client, TokenCredential)

    flask --app shop export-oauth1 clients --scope 'photos:read photos:write' > clients.ndjson
    flask --app shop export-oauth1 tokens > tokens.ndjson

Both files hold secrets: keep them where nobody else reads (umask 077), and delete them.

It reads what Authlib's mixins promise (authlib.oauth1: get_client_secret, get_default_redirect_uri, get_rsa_public_key,
get_oauth_token, get_oauth_token_secret) and token.user.username. If your models have more, such as a name or
callbacks, add them to the two functions at the end.
"""

import json

import click


def add_export(app, client_model, token_model):
    @app.cli.command("export-oauth1", help="Prints clients or tokens of an Authlib OAuth 1 server as JSON lines.")
    @click.argument("what", type=click.Choice(["clients", "tokens"]))
    @click.option("--scope", default="", help="what each client may ask for (Authlib's OAuth 1 knows no scopes)")
    @click.option("--subject", is_flag=True, help="with the users' primary keys as sub: for delegated login")
    def export(what, scope, subject):
        for row in (client_model if what == "clients" else token_model).query.yield_per(1000):
            record = client(row, scope) if what == "clients" else token(row, subject)
            click.echo(json.dumps({name: value for name, value in record.items() if value not in (None, "")}))


def client(row, scope):
    callback = row.get_default_redirect_uri() or None
    return {
        "client_id": row.client_id,
        "client_secret": row.get_client_secret(),
        "rsa_public_key": row.get_rsa_public_key(),
        "name": getattr(row, "name", None),
        # For oauth_callback=oob, and the one callback that this client may name until you register others.
        "default_callback": callback,
        "http_callbacks": True if callback and callback.startswith("http:") else None,
        "scope": scope,
    }


def token(row, subject):
    return {
        "oauth_token": row.get_oauth_token(),
        "oauth_token_secret": row.get_oauth_token_secret() or None,
        "client_id": row.client_id,
        "username": row.user.username,
        "sub": str(row.user.id) if subject else None,
    }
