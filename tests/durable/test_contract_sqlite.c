/* The contract of the durable store, on SQLite. */
#include "support/contract_credentials.h"
#include "support/durable_bench.h"

int main(void)
{
    return contract_credentials_run(&durable_sqlite);
}
