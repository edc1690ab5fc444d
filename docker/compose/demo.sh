#!/bin/sh
# Runs once in `docker compose up`: registers what the demo needs (a client, a user, a resource server) and leaves their
# secrets in the demo's volume. What is there already stays as it is.
set -eu
umask 077
cd /run/demo

# A file of ours is written under another name first: a start that was cut off leaves no half of it.
keep() { cat >"$1.new" && [ -s "$1.new" ] && mv "$1.new" "$1"; }
random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

if [ ! -s jane.password ]; then random 8 | keep jane.password; fi
if ! auth-service user list --format json | grep -q '"jane"'; then
  auth-service user create --username jane --password-file jane.password >/dev/null
fi

if [ ! -s client.secret ]; then random 24 | keep client.secret; fi
if ! auth-service client get demo --quiet >/dev/null 2>&1; then
  auth-service client create --id demo --secret-file client.secret --name 'Photo printer' \
    --callback http://127.0.0.1/ready --scope photos:read --scope photos:write >/dev/null # it shows the secret
fi
printf 'CLIENT_ID=demo\nCLIENT_SECRET=%s\n' "$(cat client.secret)" | keep client.env

# For those who ask /v1/introspect themselves, instead of letting nginx ask.
if [ ! -s resource-server.key ]; then
  auth-service resource-server revoke demo --quiet >/dev/null 2>&1 || true # its key, if there was one, is lost
  auth-service resource-server create --name demo --origin "$OAUTH1_PUBLIC_URL" --allow-explain --format env |
    sed -n "s/^KEY=//p" | tr -d "'\"" | keep resource-server.key
fi
echo 'demo: client demo, user jane and resource server demo are registered'
