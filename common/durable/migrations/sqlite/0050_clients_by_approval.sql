CREATE INDEX clients_by_approval ON clients (id) WHERE approval = 1
