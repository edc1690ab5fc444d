-- What was sealed before the table was there. A secret that has ended needs no key any more.
INSERT OR IGNORE INTO sealing_keys (id)
SELECT DISTINCT CAST(substr(sealed, 3, unicode(CAST(substr(sealed, 2, 1) AS TEXT))) AS TEXT)
  FROM (SELECT sealed FROM client_secrets
         WHERE expires_at IS NULL OR expires_at > 1000 * CAST(strftime('%s', 'now') AS INTEGER)
        UNION ALL
        SELECT sealed FROM tokens
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > 1000 * CAST(strftime('%s', 'now') AS INTEGER)))
 WHERE substr(sealed, 1, 1) = x'01' AND substr(sealed, 2, 1) BETWEEN x'01' AND x'20'
