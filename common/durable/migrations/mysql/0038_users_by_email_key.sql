CREATE INDEX users_by_email_key ON users (email_key) COMMENT 'countersign 0038'
