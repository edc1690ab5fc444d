#!/bin/sh
# Runs once for the profile delegated-login, as root: makes the token that its site shows auth-service, and the secret that
# the site signs its own cookies with. Later starts find them and change nothing.
set -eu
umask 077
cd /secrets
random() { od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n'; }

if [ ! -s site.env ]; then
  token=$(random)
  printf 'site:%s\n' "$token" >login-token       # as OAUTH1_LOGIN_TOKEN has it
  printf "LOGIN_TOKEN='%s'\nSITE_SECRET='%s'\nexport LOGIN_TOKEN SITE_SECRET\n" "$token" "$(random)" >site.env
  chown 65532:65532 . login-token site.env
fi
