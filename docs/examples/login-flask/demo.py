"""A site with accounts of its own, whose login page Countersign sends browsers to: `gunicorn demo:app`."""

import hmac
import os

from flask import Flask, redirect, render_template_string, request, session
from markupsafe import escape

from countersign_login import Countersign, LoginRefused

app = Flask(__name__)
app.secret_key = os.environ["SITE_SECRET"]
app.config.update(SESSION_COOKIE_NAME="site", SESSION_COOKIE_SAMESITE="Lax",
                  SESSION_COOKIE_SECURE=os.environ.get("SITE_IS_HTTPS", "true") == "true")
countersign = Countersign(os.environ["ADMIN_URL"], os.environ["LOGIN_TOKEN"])

# Your accounts: the name that one logs in with, the id that never changes, the password (yours are hashed, of course).
ACCOUNTS = {"jane": ("42", os.environ["JANES_PASSWORD"])}

LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Log in</title>
<main>
<h1>Log in</h1>
{% if client %}<p><strong>{{ client.name }}</strong> asks for access to your account.</p>{% endif %}
{% if error %}<p role="alert">{{ error }}</p>{% endif %}
<form method="post"><input type="hidden" name="login_challenge" value="{{ challenge }}">
<p><label>User name <input name="username" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<button name="decision" value="login">Log in</button> <button name="decision" value="cancel" formnovalidate>Cancel</button>
</form></main>"""


def accept(challenge):
    subject, username = session["user"]
    return redirect(countersign.accept(challenge, subject, username))


@app.get("/login")
def ask():
    challenge = request.args.get("login_challenge", "")
    asked = countersign.show(challenge)
    if "user" in session:  # a challenge that somebody else began gets him nothing: his browser has not the secret
        return accept(challenge)
    return render_template_string(LOGIN, challenge=challenge, client=asked.get("client"))


@app.post("/login")
def answer():
    challenge = request.form.get("login_challenge", "")
    if request.form.get("decision") == "cancel":
        return redirect(countersign.reject(challenge))
    username = request.form.get("username", "")
    subject, password = ACCOUNTS.get(username, ("", ""))
    if not subject or not hmac.compare_digest(request.form.get("password", "").encode(), password.encode()):
        return render_template_string(LOGIN, challenge=challenge, error="The user name or the password is wrong."), 403
    session.clear()
    session["user"] = (subject, username)
    return accept(challenge)


@app.post("/logout")
def logout():
    user = session.pop("user", None)
    if user:
        countersign.end_sessions(user[0])
    return redirect("/")


@app.get("/")
def home():
    return f"Logged in as {escape(session['user'][1])}." if "user" in session else "Nobody is logged in."


@app.errorhandler(LoginRefused)
def refused(error):
    app.logger.warning("countersign: %s", error)
    if error.status in (404, 409):
        return "This login has expired or was used already. Start again from the application.", 400
    if error.status == 403:
        return "Your account is disabled for applications. Ask those who run this site.", 403
    return "Logging in does not work at the moment. Try again later.", 503
