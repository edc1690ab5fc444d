/* The contract of the durable store, on SQLite. */
#include "support/contract_durable.h"
#include "support/durable_bench.h"

int main(void)
{
    return contract_durable_run(&durable_sqlite);
}
