CREATE INDEX tokens_by_user ON tokens (user, id) COMMENT 'countersign 0015'
