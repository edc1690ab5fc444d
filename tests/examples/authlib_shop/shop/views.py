from authlib.integrations.django_oauth1 import CacheAuthorizationServer, ResourceProtector
from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from shop.models import Client, TokenCredential

server = CacheAuthorizationServer(Client, TokenCredential)
require_oauth = ResourceProtector(Client, TokenCredential)


@csrf_exempt
def initiate(request):
    return server.create_temporary_credentials_response(request)


@csrf_exempt
def authorize(request):
    """The login is left out: whoever comes is jane."""
    jane = get_user_model().objects.get(username="jane")
    return server.create_authorization_response(request, jane if request.POST["decision"] == "grant" else None)


@csrf_exempt
def token(request):
    return server.create_token_response(request)


@csrf_exempt
@require_oauth()
def api(request):
    return JsonResponse({"of": request.oauth1_credential.user.get_username()})


urlpatterns = [path("initiate", initiate), path("authorize", authorize), path("token", token), re_path("^api", api)]
