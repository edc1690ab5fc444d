"""Protects Django views with OAuth 1, in the manner of Authlib's Django integration:

    from django_oauth1 import require_oauth       # was: authlib.integrations.django_oauth1, ResourceProtector

    @require_oauth("photos:read")
    def photos(request):
        return JsonResponse({"of": request.oauth1_credential.user.get_username()})

settings.py:

    OAUTH1_INTROSPECTION = {
        "url": "https://introspection.internal",
        "key": os.environ["OAUTH1_KEY"],            # from `auth-service resource-server create`
        "origin": "https://api.example.com",        # yours, as clients sign it; never the Host header
        "user_field": "username",                   # or "pk": how Django's user is found, see Credential.user
    }

Next to this file belongs ../python/oauth1_introspection.py. Run it under gunicorn, uWSGI or mod_wsgi: runserver
hides the raw request target.
"""

import functools

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import JsonResponse
from django.utils.functional import SimpleLazyObject, cached_property

from oauth1_introspection import IntrospectionService, Refused, raw_target


class Credential:
    """What Authlib's token model is to a view: client_id, user; and what the service says besides."""

    def __init__(self, answer):
        self.client_id = answer["client_id"]
        self.scope = answer["scope"]
        self.subject = answer.get("sub")  # None: two-legged
        self.username = answer.get("username")
        self.answer = answer

    @cached_property
    def user(self):
        """Django's user, looked up when asked for; None for a two-legged request. Someone whom Django does not know,
        or no longer lets in, is 403.

        By name, or, where Countersign's subjects are Django's primary keys (imported, or delegated login), by "pk".
        """
        if self.subject is None:
            return None
        model = get_user_model()
        by_pk = settings.OAUTH1_INTROSPECTION.get("user_field", "username") == "pk"
        wanted = {"pk": self.subject} if by_pk else {model.USERNAME_FIELD: self.username}
        try:
            return model.objects.get(is_active=True, **wanted)
        except (model.DoesNotExist, ValueError):
            raise PermissionDenied(f"there is no active user {wanted}") from None


class ResourceProtector:
    """Authlib's takes a client and a token model; they may stand here still, and are not used."""

    def __init__(self, *_authlibs, **_named):
        self.service = SimpleLazyObject(self.configured)

    @staticmethod
    def configured():
        config = settings.OAUTH1_INTROSPECTION
        return IntrospectionService(config["url"], config["key"], config["origin"], config.get("timeout", 3.0))

    def acquire_credential(self, request, scope=None, two_legged=False):
        answer = self.service.judge(
            request.method,
            target_of(request),
            request.headers.get("Authorization"),
            request.headers.get("Content-Type"),
            # Django keeps what `body` read, so that request.POST is there afterwards. If something consumed the
            # stream before, `body` raises: put the decorator outside of whatever reads a request.
            lambda: request.body,
            scope,
        )
        if answer["oauth1"]["legs"] == 2 and not two_legged:
            raise Refused(401, "token_rejected", "This needs a token.", "OAuth")
        return Credential(answer)

    def __call__(self, scope=None, two_legged=False):
        """scope: one or more, separated by spaces, all needed. (Authlib's first argument here is a realm that it never
        looks at.) two_legged: also for clients that sign without a token; `user` is None for them."""

        def wrapper(view):
            @functools.wraps(view)
            def decorated(request, *args, **kwargs):
                try:
                    request.oauth1_credential = self.acquire_credential(request, scope, two_legged)
                except Refused as refused:
                    return JsonResponse(refused.content, status=refused.status, headers=refused.headers)
                return view(request, *args, **kwargs)

            return decorated

        return wrapper


def target_of(request):
    """get_full_path() and build_absolute_uri() are made from the decoded path, and cannot tell `%2F` from `/`."""
    target = raw_target(request.META)
    if target is None and settings.DEBUG:
        return request.get_full_path()  # runserver: good enough for a path with nothing to escape in it
    if target is None:
        raise ImproperlyConfigured("this WSGI server does not pass the raw request target: use gunicorn, uWSGI or mod_wsgi")
    return target


require_oauth = ResourceProtector()
