from authlib.oauth1 import ClientMixin, TokenCredentialMixin
from django.contrib.auth import get_user_model
from django.db.models import CASCADE, CharField, ForeignKey, Model, TextField


class Client(Model, ClientMixin):
    user = ForeignKey(get_user_model(), on_delete=CASCADE)
    client_id = CharField(max_length=48, unique=True)
    client_secret = CharField(max_length=48, blank=True)
    default_redirect_uri = TextField(default="")

    def get_default_redirect_uri(self):
        return self.default_redirect_uri

    def get_client_secret(self):
        return self.client_secret

    def get_rsa_public_key(self):
        return None


class TokenCredential(Model, TokenCredentialMixin):
    user = ForeignKey(get_user_model(), on_delete=CASCADE)
    client_id = CharField(max_length=48, db_index=True)
    oauth_token = CharField(max_length=84, unique=True)
    oauth_token_secret = CharField(max_length=84)

    def get_oauth_token(self):
        return self.oauth_token

    def get_oauth_token_secret(self):
        return self.oauth_token_secret
