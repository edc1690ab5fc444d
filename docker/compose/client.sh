#!/bin/sh
# The demo's client application. It knows what a client knows (its own secret, later a token) and nothing of the
# services' secrets; it shares nginx's network, so that it reaches the very URL that it signs.
set -eu
umask 077
cd /run/demo
url=$OAUTH1_PUBLIC_URL

usage() {
  cat <<'END'
usage: docker compose run --rm --no-deps client [COMMAND]

  (none)               gets a token if there is none, then prints a signed request as a curl command:
                       docker compose run --rm --no-deps client | sh
  sign METHOD PATH [ORIGIN]
                       prints another signed request, such as: sign GET '/api/photos?size=original'
  steps                gets a new token and shows every step, with URLs and base strings
  by-hand              the same, but you are the user: open the page, log in, type the code
  password             jane's password
END
}

perform() { auth-service perform three-legged --url "$url" --env-file client.env --scope photos:read "$@"; }

get_token() {
  perform --username jane --password-file jane.password --format env >token.env.new && mv token.env.new token.env &&
    echo 'The three legs are done: jane let the client in, and it holds a token.' >&2
}

sign() {
  [ -s token.env ] || get_token || exit 1
  auth-service sign "$1" "${3:-$url}$2" --env-file token.env --format curl
}

case ${1:-} in
  '') sign GET /api/photos ;;
  sign) sign "${2:-GET}" "${3:-/api/photos}" "${4:-}" ;;
  steps) perform --username jane --password-file jane.password ;;
  by-hand)
    echo "You are jane; your password: $(cat jane.password)"
    perform
    ;;
  password) cat jane.password && echo ;;
  *) usage ;;
esac
