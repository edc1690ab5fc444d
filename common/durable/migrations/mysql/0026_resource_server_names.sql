-- What is a live resource server's alone: its name, and the names of its certificate.
CREATE TABLE resource_server_names (
    name   VARBINARY(2100) NOT NULL PRIMARY KEY, -- 'name photos', 'DNS:photos.internal', 'URI:spiffe://example/photos'
    server BIGINT          NOT NULL,
    CONSTRAINT resource_server_names_server FOREIGN KEY (server) REFERENCES resource_servers (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0026'
