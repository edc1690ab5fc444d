# The tests that take Oracle's MySQL, in a container; sourced by tests/parts.sh.
# shellcheck shell=bash

mysql_image=mysql:9.7
# What runs against any server that $TEST_MYSQL_URL names.
mysql_tests='^test_(durable_contract_mysql|sql_mysql_statement|durable_migrations|durable_pool)$'

part_stores() {
  stores_on_mysql || true
  stores_on_valkey
}

# The same programs that run on MariaDB, put to MySQL over a socket in a folder that the container shares.
stores_on_mysql() {
  local name='stores: contract on MySQL 9.7'
  if has_image "$name" $mysql_image; then
    step 'stores: ASan build' build_asan && step "$name" run_on_mysql
  fi
}

# In a subshell, so that its trap is its own.
run_on_mysql() (
  folder=$(mktemp -d)
  container=countersign-test-$RANDOM$RANDOM
  password=$RANDOM$RANDOM$RANDOM
  trap 'docker rm -f "$container" >/dev/null 2>&1; rm -rf "$folder"' EXIT
  chmod 777 "$folder" # the server's user in the container makes its socket there
  docker run -d --rm --name "$container" --network none --tmpfs /var/lib/mysql -v "$folder:/var/run/mysqld" \
    -e "MYSQL_ROOT_PASSWORD=$password" $mysql_image --socket=/var/run/mysqld/mysqld.sock --mysqlx=OFF --skip-log-bin \
    --performance-schema=OFF --innodb-doublewrite=0 --innodb-flush-log-at-trx-commit=2 || exit
  # By TCP: while the image sets itself up its server answers on the socket alone.
  for _ in {1..300}; do
    if docker exec "$container" mysql -h127.0.0.1 -uroot "-p$password" -e 'SELECT 1' >/dev/null 2>&1; then break; fi
    sleep 0.3
  done
  TEST_MYSQL_URL="mysql://root:$password@/mysql?socket=$folder/mysqld.sock" run_ctest build/asan -R "$mysql_tests"
)

# libmysqlclient, MySQL's own client library, is packaged where MySQL is: Debian's unstable. An image of it with
# mysql-server is what the packages to build with are added to.
mysqlclient_base=${MYSQL_BASE_IMAGE:-local/mysql-base:9.7}
mysqlclient_packages='gcc libc6-dev cmake ninja-build pkg-config libevent-dev libcjson-dev libssl-dev libsqlite3-dev
  libcrypt-dev libargon2-dev libhiredis-dev libmysqlclient-dev libcmocka-dev python3-minimal'

long_mysqlclient() {
  local name='long: built with libmysqlclient'
  if ! timeout 10 docker info >/dev/null 2>&1; then
    not_run "$name" 'no docker engine answers'
  elif ! docker image inspect "$mysqlclient_base" >/dev/null 2>&1; then
    not_run "$name" "no image $mysqlclient_base here (MYSQL_BASE_IMAGE may name another with mysql-server)"
  else
    step 'long: image with libmysqlclient' make_mysqlclient_image && step "$name" run_mysqlclient
  fi
}

make_mysqlclient_image() {
  mkdir -p build/mysqlclient
  # An image of some age has package lists that have run out; their signatures hold all the same.
  printf 'FROM %s\nRUN %s && %s %s && rm -rf /var/lib/apt/lists/*\n' "$mysqlclient_base" \
    'apt-get -qq -o Acquire::Check-Valid-Until=false update' \
    'DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends' \
    "${mysqlclient_packages//$'\n'/ }" >build/mysqlclient/Dockerfile
  timeout 420 docker build -q -t countersign-test:mysqlclient build/mysqlclient
}

run_mysqlclient() {
  { git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - ; } |
    timeout 900 docker run --rm -i --init --network none countersign-test:mysqlclient \
      bash -c 'mkdir /countersign && tar -x -C /countersign && exec /countersign/tests/mysql_container.sh'
}
