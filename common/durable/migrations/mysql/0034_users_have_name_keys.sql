-- To run it twice does no harm.
UPDATE users JOIN (SELECT MIN(id) AS id FROM users WHERE site_name IS NULL
                    GROUP BY LOWER(CONVERT(username USING utf8mb4)) COLLATE utf8mb4_bin) AS earliest ON earliest.id = users.id
   SET name_key = LOWER(CONVERT(username USING utf8mb4))
