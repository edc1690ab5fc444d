/* contract_parts: the subjects of contract_durable, then those of contract_ephemeral; each runs its tests and returns
 * how many failed. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_CONTRACT_PARTS_H
#define COUNTERSIGN_TESTS_SUPPORT_CONTRACT_PARTS_H

int contract_clients_run(void);
int contract_sealing_run(void);
int contract_users_run(void);
int contract_tokens_run(void);
int contract_grants_run(void);
int contract_issue_run(void);
int contract_ledgers_run(void);
int contract_nonces_run(void);
int contract_races_run(void);

int contract_spending_run(void);
int contract_temps_run(void);
int contract_sessions_run(void);
int contract_values_run(void);
int contract_endings_run(void);

#endif
