CREATE INDEX client_keys_by_expiry ON client_keys (expires_at) WHERE expires_at IS NOT NULL
