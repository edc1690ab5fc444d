CREATE INDEX client_keys_by_expiry ON client_keys (expires_at) COMMENT 'countersign 0011'
