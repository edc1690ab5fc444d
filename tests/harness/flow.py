"""The three legs (RFC 5849 section 2) by our own signer, a leg at a time."""

from dataclasses import replace
from urllib.parse import parse_qsl

import requests

from harness.owner import Owner, Page, location_query, until_answered
from harness.signer import Signer


def send(request):
    return requests.request(
        request.method, request.url, headers=request.headers, data=request.body, timeout=20, allow_redirects=False
    )


def form(response):
    """A form body as a dict; a name that comes twice is a fault."""
    pairs = parse_qsl(response.text, keep_blank_values=True, strict_parsing=bool(response.text))
    assert len(dict(pairs)) == len(pairs), response.text
    return dict(pairs)


class Flow:
    """One client's way to one token. Each leg answers the raw response or fails with it."""

    def __init__(self, provider, client, owner=None, **signer_options):
        self.provider = provider
        self.owner = owner or Owner(provider)
        self.client = Signer(client.client_id, client.client_secret, rsa_key=client.rsa_key, **signer_options)
        self.temporary = None
        self.verifier = None

    # ---- requests, signed but not sent, so that a test can spoil them

    def initiate_request(self, callback="http://127.0.0.1/ready", body=None, signer=None, **overrides):
        overrides = {"oauth_callback": callback, **overrides}
        return (signer or self.client).sign("POST", self.provider.url + "/oauth/initiate", body=body, **overrides)

    def exchange_request(self, verifier=None, signer=None, **overrides):
        overrides = {"oauth_verifier": verifier if verifier is not None else self.verifier, **overrides}
        return (signer or self.temporary).sign("POST", self.provider.url + "/oauth/token", **overrides)

    # ---- the legs

    def initiate(self, callback="http://127.0.0.1/ready", scope=None):
        body = f"scope={scope.replace(' ', '+')}" if scope else None
        response = until_answered(lambda: send(self.initiate_request(callback, body=body)))
        assert response.status_code == 200, f"{response.status_code}: {response.text}"
        credentials = form(response)
        self.temporary = replace(
            self.client, token=credentials["oauth_token"], token_secret=credentials["oauth_token_secret"]
        )
        return response

    def grant(self):
        response = self.owner.grant(self.temporary.token)
        if response.status_code == 200:  # oob: the page shows the verifier
            self.verifier = Page(response).texts["verifier"].strip()
        else:
            self.verifier = dict(location_query(response))["oauth_verifier"]
        return response

    def exchange(self):
        response = until_answered(lambda: send(self.exchange_request()))
        assert response.status_code == 200, f"{response.status_code}: {response.text}"
        return response

    def token(self, callback="http://127.0.0.1/ready", scope=None):
        """All three legs; a Signer that holds the token credential."""
        self.initiate(callback, scope)
        self.grant()
        credentials = form(self.exchange())
        return replace(self.client, token=credentials["oauth_token"], token_secret=credentials["oauth_token_secret"])
