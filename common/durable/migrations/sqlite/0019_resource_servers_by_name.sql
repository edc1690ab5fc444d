CREATE INDEX resource_servers_by_name ON resource_servers (name)
