CREATE INDEX tokens_by_client ON tokens (client, id)
