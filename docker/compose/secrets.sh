#!/bin/sh
# Runs once in `docker compose up`, as root, before everything else: on the first start it makes the secrets of this
# installation, each into the volume of those who need it. Later starts find them and change nothing.
#
#   /secrets/services   sealing keys, the stores' passwords, MySQL's CA       read by both services (65532)
#   /secrets/admin      the admin port's token                                read by auth-service alone (65532)
#   /secrets/mysql      root password, password, server certificate           read by MySQL (999)
#   /secrets/redis      its password, alone and as configuration              mounted into Redis alone
#   /secrets/demo       made here empty; the demo's client and user go there  written by 65532
set -eu
umask 077
cd /secrets
files='services/sealing-keys admin/admin-token services/database-password services/redis-password services/mysql-ca.pem
  mysql/root-password mysql/password mysql/ca.pem mysql/server.pem mysql/server-key.pem
  redis/password redis/redis.conf'

# Volumes of an earlier start have the token among what both services read.
if [ -s services/admin-token ] && [ ! -e services/.unfinished ]; then
  cp -p services/admin-token admin/admin-token
  chown 65532:65532 admin
  chmod 0500 admin
  rm services/admin-token
fi

missing=
present=
for file in $files; do
  if [ -s "$file" ]; then present=$file; else missing="$missing $file"; fi
done
if [ -z "$missing" ]; then
  echo 'secrets: all there, none changed'
  exit 0
fi
if [ -n "$present" ] && [ ! -e services/.unfinished ]; then
  echo "secrets: missing in the volumes:$missing; restore them from a backup, or begin anew and lose all data with:" \
    'docker compose down -v' >&2
  exit 1
fi

: >services/.unfinished # a first start that was cut off may begin again: nobody has used anything yet
random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# Sealing keys: id:base64 of 32 bytes. Several, comma-separated: the first seals, all open.
printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64)" >services/sealing-keys
printf 'admin:%s\n' "$(random 32)" >admin/admin-token
random 24 >services/database-password
cp services/database-password mysql/password
random 24 >mysql/root-password
random 24 >services/redis-password
cp services/redis-password redis/password
printf 'requirepass %s\n' "$(cat redis/password)" >redis/redis.conf

# A certificate for the name `mysql`, by a CA whose key is thrown away.
scratch=$(mktemp -d)
tls() { openssl "$@" 2>"$scratch/said" || { cat "$scratch/said" >&2 && exit 1; }; }
tls req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
  -subj '/CN=Countersign demo: MySQL CA' -keyout "$scratch/ca-key.pem" -out mysql/ca.pem
tls req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=mysql' \
  -keyout mysql/server-key.pem -out "$scratch/server.csr"
printf 'subjectAltName=DNS:mysql\n' >"$scratch/extensions"
tls x509 -req -in "$scratch/server.csr" -CA mysql/ca.pem -CAkey "$scratch/ca-key.pem" -CAcreateserial \
  -CAserial "$scratch/serial" -days 3650 -extfile "$scratch/extensions" -out mysql/server.pem
rm -rf "$scratch"
cp mysql/ca.pem services/mysql-ca.pem

chown -R 65532:65532 services admin demo
chmod 0500 services admin
chmod 0400 services/[a-z]* admin/*
chown -R 999:999 mysql # of the official image
chmod 0500 mysql
chmod 0400 mysql/*
chmod 0755 redis # what Redis runs as differs from image to image, and nobody else mounts this volume
chmod 0444 redis/*
chmod 0750 demo
rm services/.unfinished
echo 'secrets: made'
