"""Services of an override file, each started wrongly."""

# A wrong start of a service, one a row: what differs from the right one.
BROKEN = {
    "broken-secret": {"OAUTH1_SECRETS_KEYS_FILE": "/run/secrets/countersign/not-there"},
    "broken-password": {"OAUTH1_DATABASE_PASSWORD_FILE": "", "OAUTH1_DATABASE_PASSWORD": "not the password"},
    "broken-schema": {
        "OAUTH1_DATABASE_URL": "mysql://countersign@mysql:3306/countersign_old"
        "?tls=verify-full&ca=/run/secrets/countersign/mysql-ca.pem"
    },
    "broken-port": {"OAUTH1_LISTEN": ":6379"},
}
