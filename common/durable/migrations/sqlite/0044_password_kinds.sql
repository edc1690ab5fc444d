-- The kinds of password hashes that came from other systems, each with the most that one of it costs.
CREATE TABLE password_kinds (
    kind   TEXT    NOT NULL PRIMARY KEY,
    amount INTEGER NOT NULL
) STRICT
