CREATE INDEX client_secrets_by_client ON client_secrets (client) COMMENT 'countersign 0007'
