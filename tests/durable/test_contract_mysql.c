/* The contract of the durable store, on a MariaDB that is started for it, or on the server that $TEST_MYSQL_URL names.
 */
#include "support/contract_durable.h"
#include "support/durable_bench.h"

int main(void)
{
    return contract_durable_run(&durable_mysql);
}
