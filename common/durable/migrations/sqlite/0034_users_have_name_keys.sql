UPDATE users SET name_key = lower(username)
 WHERE id IN (SELECT min(id) FROM users WHERE site_name IS NULL GROUP BY lower(username))
