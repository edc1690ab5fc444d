CREATE INDEX tokens_by_revocation ON tokens (revoked_at) COMMENT 'countersign 0017'
