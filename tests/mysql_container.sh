#!/usr/bin/env bash
# Inside a container that has MySQL and libmysqlclient: builds with that library, and puts the programs that can use any
# server to a MySQL of its own: over a Unix socket, over TLS, and over plain TCP, where caching_sha2_password takes the
# server's RSA key. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=(test_durable_contract_mysql test_sql_mysql_statement test_durable_migrations test_durable_pool)
# The compiler here is newer than those we build with, and may warn of more.
cmake -S . -B build/mysql -G Ninja -DCMAKE_BUILD_TYPE=Debug -DMYSQL_CLIENT=mysql --compile-no-warning-as-error
ninja -C build/mysql "${targets[@]}"
ldd "build/mysql/tests/${targets[0]}" | grep libmysqlclient

data=/tmp/mysql
mkdir -m 777 /tmp/socket
mysqld --initialize-insecure --user=mysql --datadir=$data
mysqld --user=mysql --datadir=$data --socket=/tmp/socket/s --bind-address=127.0.0.1 --port=3306 --mysqlx=OFF \
  --skip-log-bin --innodb-doublewrite=0 --innodb-flush-log-at-trx-commit=2 &
for _ in {1..300}; do
  if mysqladmin -uroot -S /tmp/socket/s ping >/dev/null 2>&1; then break; fi
  sleep 0.3
done
mysql -uroot -S /tmp/socket/s -e "CREATE USER tester@'%' IDENTIFIED BY 'pass'; GRANT ALL ON *.* TO tester@'%'"

passed=0 failed=0
# try PROGRAM URL
try() {
  local log=build/mysql/log
  if TEST_MYSQL_URL=$2 "build/mysql/tests/$1" >$log 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%s on %s\n' "$1" "$2"
  grep -v -e ' RUN ' -e ' OK ' $log || true
}
socket='mysql://tester:pass@/mysql?socket=/tmp/socket/s'
tcp=mysql://tester:pass@127.0.0.1:3306/mysql
for program in "${targets[@]}"; do try "$program" "$socket"; done
mysql -uroot -S /tmp/socket/s -e 'FLUSH PRIVILEGES' # it forgets who has logged in: the whole exchange again
try test_sql_mysql_statement "$tcp?tls=disabled"
mysql -uroot -S /tmp/socket/s -e 'FLUSH PRIVILEGES'
try test_sql_mysql_statement "$tcp?tls=required"
try test_sql_mysql_statement "$tcp?tls=verify-ca&ca=$data/ca.pem"
printf '%d passed, %d failed\n' $passed $failed
((failed == 0))
