#!/usr/bin/env bash
# Inside a container of Debian 13 that has Valkey: the ephemeral store's contract, and what else goes to a server of Redis,
# put to Valkey: alone, behind a Sentinel, as a Cluster, over TLS. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=(test_ephemeral_redis_{store,sentinel_store,cluster_store,nonces,failover,losses} test_redis_{client,cluster,tls})
servers=$(mktemp -d)
ln -s "$(command -v valkey-server)" "$servers/redis-server" # what the tests start
export PATH=$servers:$PATH
redis-server --version | grep -i valkey
cmake -S . -B build/valkey -G Ninja -DCMAKE_BUILD_TYPE=Debug --compile-no-warning-as-error
ninja -C build/valkey "${targets[@]}"

passed=0 failed=0
for program in "${targets[@]}"; do
  if "build/valkey/tests/$program" >build/valkey/log 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%s\n' "$program"
  grep -v -e ' RUN ' -e ' OK ' build/valkey/log || true
done
printf '%d passed, %d failed\n' $passed $failed
((failed == 0))
