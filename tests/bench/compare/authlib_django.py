"""Authlib's resource protector on Django, as its documentation has it: models in MariaDB, nonces in Django's cache, which is
Redis. One module is the whole site."""

import os

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of nothing",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.mysql", "NAME": os.environ["BENCH_DATABASE"], "USER": os.environ["BENCH_USER"],
        "PASSWORD": os.environ["BENCH_PASSWORD"], "HOST": os.environ["BENCH_SOCKET"], "CONN_MAX_AGE": None,
    }},
    CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["BENCH_REDIS"]}},
)
django.setup()

from authlib.integrations.django_oauth1 import ResourceProtector  # noqa: E402
from authlib.oauth1 import ClientMixin, TokenCredentialMixin  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


class Client(models.Model, ClientMixin):
    client_id = models.CharField(max_length=48, unique=True)
    client_secret = models.CharField(max_length=48)

    class Meta:
        app_label, db_table = "bench", "oauth_client"

    def get_default_redirect_uri(self):
        return None

    def get_client_secret(self):
        return self.client_secret

    def get_rsa_public_key(self):
        return None


class Token(models.Model, TokenCredentialMixin):
    user_id = models.IntegerField()
    client_id = models.CharField(max_length=48)
    oauth_token = models.CharField(max_length=84, unique=True)
    oauth_token_secret = models.CharField(max_length=84)

    class Meta:
        app_label, db_table = "bench", "oauth_token"

    def get_oauth_token(self):
        return self.oauth_token

    def get_oauth_token_secret(self):
        return self.oauth_token_secret


@ResourceProtector(Client, Token)()
def photos(request):
    token = request.oauth1_credential
    answer = {"active": True, "sub": token.user_id, "client_id": token.client_id}
    return JsonResponse(answer, json_dumps_params={"separators": (",", ":")})


urlpatterns = [path("photos", photos)]
application = get_wsgi_application()
