CREATE INDEX clients_by_approval ON clients (approval, id) COMMENT 'countersign 0050'
