"""A whole Flask service: `gunicorn demo:app`. Configured by the environment."""

import os

from flask import Flask, request

from flask_oauth1 import ResourceProtector, current_credential

app = Flask(__name__)
app.config.update(
    OAUTH1_INTROSPECTION_URL=os.environ["INTROSPECTION_URL"],
    OAUTH1_INTROSPECTION_KEY=os.environ["INTROSPECTION_KEY"],
    OAUTH1_ORIGIN=os.environ["ORIGIN"],
    OAUTH1_INTROSPECTION_TIMEOUT=float(os.environ.get("INTROSPECTION_TIMEOUT", "3")),
)
app.url_map.merge_slashes = False  # or Flask redirects `//` to `/`, and a signature does not survive a redirect
require_oauth = ResourceProtector(app)


def show():
    return {"client_id": current_credential.client_id, "user": current_credential.user,
            "scope": current_credential.scope, "form": request.form.to_dict(flat=False)}


@app.route("/admin")
@require_oauth("photos:write")
def admin():
    return show()


@app.route("/batch")
@require_oauth("photos:read", two_legged=True)
def batch():
    return show()


@app.route("/", methods=["GET", "POST", "PUT"])
@app.route("/<path:_path>", methods=["GET", "POST", "PUT"])
@require_oauth("photos:read")
def photos(_path=""):
    return show()
