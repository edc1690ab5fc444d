#include "support/contract_durable.h"

#include "support/contract_parts.h"
#include "support/durable_bench.h"

int contract_durable_run(const struct tested_durable *kind)
{
    durable_bench_use(kind);
    return contract_clients_run() + contract_sealing_run() + contract_users_run() + contract_tokens_run() +
           contract_grants_run() + contract_issue_run() + contract_ledgers_run() + contract_nonces_run() +
           contract_races_run();
}
