"""Protects Flask views with OAuth 1, in the manner of Authlib's Flask integration:

    from flask_oauth1 import ResourceProtector, current_credential    # was: authlib.integrations.flask_oauth1

    require_oauth = ResourceProtector(app)

    @app.get("/photos")
    @require_oauth("photos:read")
    def photos():
        return {"of": current_credential.username}

Configuration:

    OAUTH1_INTROSPECTION_URL = "https://introspection.internal"
    OAUTH1_INTROSPECTION_KEY = …                      # from `auth-service resource-server create`
    OAUTH1_ORIGIN = "https://api.example.com"         # yours, as clients sign it; never the Host header
    OAUTH1_INTROSPECTION_TIMEOUT = 3.0

Next to this file belongs ../python/oauth1_introspection.py.
"""

import functools

from flask import current_app, g, jsonify, request
from werkzeug.local import LocalProxy

from oauth1_introspection import IntrospectionService, Refused, raw_target


class Credential:
    """What Authlib's token model is to a view: client_id, user; and what the service says besides."""

    def __init__(self, answer, query_user):
        self.client_id = answer["client_id"]
        self.scope = answer["scope"]
        self.subject = answer.get("sub")  # None: two-legged
        self.username = answer.get("username")
        self.answer = answer
        self.query_user = query_user

    @functools.cached_property
    def user(self):
        """What query_user makes of this credential; None for a two-legged request."""
        return None if self.subject is None else self.query_user(self)


class ResourceProtector:
    """Authlib's also takes query_client, query_token and exists_nonce, by name or by place; they may stand here still, and
    are not used.

    query_user: a function that finds your user for a credential (by .username, or by .subject where those are your
    primary keys), for `current_credential.user`. It aborts with 403 if there is none.
    """

    def __init__(self, app=None, *_authlibs, query_user=lambda credential: credential.username, **_named):
        self.query_user = query_user
        if app:
            self.init_app(app)

    def init_app(self, app, *_authlibs, query_user=None, **_named):
        self.query_user = query_user or self.query_user
        config = app.config
        app.extensions["oauth1_introspection"] = IntrospectionService(
            config["OAUTH1_INTROSPECTION_URL"], config["OAUTH1_INTROSPECTION_KEY"], config["OAUTH1_ORIGIN"],
            config.get("OAUTH1_INTROSPECTION_TIMEOUT", 3.0),
        )

    def acquire_credential(self, scope=None, two_legged=False):
        answer = current_app.extensions["oauth1_introspection"].judge(
            request.method,
            target_of_request(),
            request.headers.get("Authorization"),
            request.headers.get("Content-Type"),
            raw_body,
            scope,
        )
        if answer["oauth1"]["legs"] == 2 and not two_legged:
            raise Refused(401, "token_rejected", "This needs a token.", "OAuth")
        g.oauth1_credential = Credential(answer, self.query_user)
        return g.oauth1_credential

    def __call__(self, scope=None, two_legged=False):
        """scope: one or more, separated by spaces, all needed. (Authlib never looks at its own.) two_legged: also for
        clients that sign without a token; `user` is None for them."""

        def wrapper(view):
            @functools.wraps(view)
            def decorated(*args, **kwargs):
                try:
                    self.acquire_credential(scope, two_legged)
                except Refused as refused:
                    return jsonify(refused.content), refused.status, refused.headers
                return view(*args, **kwargs)

            return decorated

        return wrapper


def target_of_request():
    """request.url, .path and .full_path are made from the decoded path, and cannot tell `%2F` from `/`."""
    target = raw_target(request.environ)
    if target is None:
        raise RuntimeError("this WSGI server does not pass the raw request target: use gunicorn, uWSGI or mod_wsgi")
    return target


def raw_body():
    """The bytes as they came; request.form is there afterwards.

    Once something has read request.form, get_data() is empty. The signature of an empty body might hold, and the view
    would then trust fields that nobody signed.
    """
    if "form" in vars(request._get_current_object()):
        raise RuntimeError("request.form was read before require_oauth: call request.get_data() there first")
    return request.get_data()


current_credential = LocalProxy(lambda: g.get("oauth1_credential"))
