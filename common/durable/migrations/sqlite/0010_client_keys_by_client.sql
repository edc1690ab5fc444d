CREATE INDEX client_keys_by_client ON client_keys (client)
