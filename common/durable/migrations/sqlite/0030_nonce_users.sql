-- The processes that share a nonce store: what time it was for each when the durable store last answered it.
CREATE TABLE nonce_users (
    store   TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    machine TEXT    NOT NULL, -- and its boot: where that is the same, so is the steady clock
    steady  INTEGER NOT NULL, -- ms
    clock   INTEGER NOT NULL, -- ms, by the store's clock
    PRIMARY KEY (store, id)
) STRICT
