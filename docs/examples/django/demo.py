"""A whole Django project in a file: `gunicorn demo:application`, and `python3 demo.py migrate` is its manage.py.
Configured by the environment."""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only for this demo"),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DJANGO_DATABASE"]}},
    # CommonMiddleware would answer /photos with a redirect to /photos/, and a signature does not survive a redirect.
    APPEND_SLASH=False,
    OAUTH1_INTROSPECTION={
        "url": os.environ["INTROSPECTION_URL"],
        "key": os.environ["INTROSPECTION_KEY"],
        "origin": os.environ["ORIGIN"],
        "timeout": float(os.environ.get("INTROSPECTION_TIMEOUT", "3")),
    },
)
django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import re_path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from django_oauth1 import require_oauth  # noqa: E402


def show(request):
    credential = request.oauth1_credential
    user = credential.user.get_username() if credential.user else None
    return JsonResponse({"client_id": credential.client_id, "user": user, "scope": credential.scope,
                         "form": dict(request.POST.lists())})


# A signed request carries no cookie that a browser would add by itself, so there is no forgery to guard against.
@csrf_exempt
@require_oauth("photos:read")
def photos(request):
    return show(request)


@require_oauth("photos:write")
def admin(request):
    return show(request)


@require_oauth("photos:read", two_legged=True)
def batch(request):
    return show(request)


urlpatterns = [re_path(r"^admin$", admin), re_path(r"^batch$", batch), re_path(r"", photos)]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
