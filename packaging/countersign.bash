# shellcheck shell=bash
# countersign takes the commands of auth-service.
# shellcheck source=/dev/null
source "${BASH_SOURCE[0]%/*}/auth-service"
complete -F _auth_service countersign
