CREATE INDEX tokens_by_expiry ON tokens (expires_at) COMMENT 'countersign 0016'
