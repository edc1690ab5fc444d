-- What is a live resource server's alone: its name, and the names of its certificate.
CREATE TABLE resource_server_names (
    name   TEXT    NOT NULL PRIMARY KEY, -- 'name photos', 'DNS:photos.internal', 'URI:spiffe://example/photos'
    server INTEGER NOT NULL REFERENCES resource_servers (id) ON DELETE CASCADE
) STRICT
