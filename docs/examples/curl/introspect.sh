#!/bin/sh
# Asks about one request from the shell: the whole protocol in one call of curl.
#
#   INTROSPECTION_URL=https://introspection.internal INTROSPECTION_KEY_FILE=photos.key ORIGIN=https://api.example.com \
#     ./introspect.sh METHOD TARGET AUTHORIZATION [SCOPE [CONTENT_TYPE BODY_FILE]]
#
# Prints the verdict. Exit codes: 0 let it in, 1 refuse it (the answer says how), 2 answer 503, 64 wrong use.
# Needs curl and jq.
set -eu
if [ $# -lt 3 ] || [ $# -gt 6 ] || [ $# -eq 5 ]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
if [ -z "${INTROSPECTION_URL-}" ] || [ -z "${ORIGIN-}" ] || [ -z "${INTROSPECTION_KEY-}${INTROSPECTION_KEY_FILE-}" ]; then
  echo 'introspect.sh: set INTROSPECTION_URL, ORIGIN, and INTROSPECTION_KEY_FILE (or INTROSPECTION_KEY, the key itself)' >&2
  exit 64
fi
key=${INTROSPECTION_KEY:-$(cat "$INTROSPECTION_KEY_FILE")} || exit 2

# The origin is ours and the target stays as it was sent, byte for byte; jq quotes both.
body=''
if [ $# -eq 6 ]; then body=$(base64 "$6" | tr -d '\n'); fi
question=$(jq -cn --arg method "$1" --arg url "$ORIGIN$2" --arg authorization "$3" --arg scope "${4-}" \
  --arg type "${5-}" --arg body "$body" '
  {$method, $url}
  + if $authorization == "" then {} else {$authorization} end
  + if $scope == "" then {} else {required_scope: $scope} end
  + if $type == "" then {} else {content_type: $type, body_base64: $body} end')

# The key goes to curl on standard input, as a line of its configuration, so that no list of processes shows it.
# No --retry and no --location: a call whose answer was lost may have spent the nonce.
answer=$(printf 'header = "Authorization: Bearer %s"\n' "$key" |
  curl --silent --show-error --fail-with-body --max-time 3 --config - --header 'Content-Type: application/json' \
    --data-raw "$question" "${INTROSPECTION_URL%/}/v1/introspect") || {
  printf '%s\n' "$answer" >&2 # what the service says is wrong, of the key for one
  exit 2
}

printf '%s\n' "$answer"
case $(printf '%s' "$answer" | jq -r 'if .active == true and .oauth1.body_hash != "unchecked" then "in" else "out" end') in
  in) exit 0 ;;
  out) exit 1 ;;
  *) exit 2 ;;
esac
