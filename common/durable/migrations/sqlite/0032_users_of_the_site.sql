-- Who was imported under a subject of the site's, and never got a password, is the site's: the username is free then.
UPDATE users SET site_name = username, username = char(1) || id
 WHERE site_name IS NULL AND password_hash = '' AND subject <> CAST(id AS TEXT) AND subject <> 'user-' || id
