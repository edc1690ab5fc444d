CREATE UNIQUE INDEX users_by_name_key ON users (name_key) COMMENT 'countersign 0035'
