-- Which of client_logos is the client's; 0: none.
ALTER TABLE clients ADD COLUMN logo_number INTEGER NOT NULL DEFAULT 0
