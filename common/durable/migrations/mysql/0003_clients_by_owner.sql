CREATE INDEX clients_by_owner ON clients (owner, id) COMMENT 'countersign 0003'
