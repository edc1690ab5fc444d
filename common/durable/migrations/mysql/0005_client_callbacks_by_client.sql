CREATE INDEX client_callbacks_by_client ON client_callbacks (client) COMMENT 'countersign 0005'
