CREATE INDEX client_secrets_by_expiry ON client_secrets (expires_at) COMMENT 'countersign 0008'
