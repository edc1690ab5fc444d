/* The contract of the durable store, on a MariaDB that is started for it, or on the server that $TEST_MYSQL_URL names.
 */
#include "support/contract_credentials.h"
#include "support/durable_bench.h"

int main(void)
{
    return contract_credentials_run(&durable_mysql);
}
