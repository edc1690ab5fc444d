-- Which of client_logos is the client's; 0: none.
ALTER TABLE clients ADD COLUMN logo_number BIGINT NOT NULL DEFAULT 0 COMMENT 'countersign 0046'
