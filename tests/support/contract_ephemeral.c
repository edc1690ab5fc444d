#include "support/contract_ephemeral.h"

#include "support/contract_parts.h"

int contract_ephemeral_run(const struct tested_ephemeral *kind)
{
    ephemeral_bench_use(kind);
    return contract_spending_run() + contract_temps_run() + contract_sessions_run() + contract_values_run() +
           contract_endings_run();
}
