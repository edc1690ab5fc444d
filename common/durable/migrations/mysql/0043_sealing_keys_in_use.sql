-- What was sealed before the table was there. A secret that has ended needs no key any more. To run it twice does no harm.
INSERT IGNORE INTO sealing_keys (id)
SELECT DISTINCT SUBSTRING(sealed, 3, ASCII(SUBSTRING(sealed, 2, 1)))
  FROM (SELECT sealed FROM client_secrets WHERE expires_at IS NULL OR expires_at > 1000 * UNIX_TIMESTAMP()
        UNION ALL
        SELECT sealed FROM tokens
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > 1000 * UNIX_TIMESTAMP())) AS secrets
 WHERE SUBSTRING(sealed, 1, 1) = 0x01 AND ASCII(SUBSTRING(sealed, 2, 1)) BETWEEN 1 AND 32
