-- Pictures that owners give their clients (PNG, checked). The number is random: whoever was shown it may fetch it.
CREATE TABLE client_logos (
    number INTEGER NOT NULL PRIMARY KEY,
    client INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    png    BLOB NOT NULL
) STRICT
