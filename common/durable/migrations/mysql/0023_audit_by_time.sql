CREATE INDEX audit_by_time ON audit (at) COMMENT 'countersign 0023'
