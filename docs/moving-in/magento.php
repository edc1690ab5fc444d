<?php
/* Prints the consumers and access tokens of Magento 2's integrations, for `client import` and `token import`.
 *
 *     export DB_USER=magento DB_PASSWORD=…
 *     export CRYPT_KEY=…                # crypt/key of app/etc/env.php, all of its lines
 *     php magento.php clients 'mysql:host=localhost;dbname=magento' > clients.ndjson
 *     php magento.php tokens 'mysql:host=localhost;dbname=magento' > tokens.ndjson
 *
 * Tables as in Magento_Integration's db_schema.xml (2.3, 2.4). Newer versions encrypt secrets ("0:3:…"), older ones do not; both
 * are read. A third argument is the prefix of the tables, a fourth what each client may ask for. It reads, and changes
 * nothing. Both files hold secrets: umask 077. */
if (!in_array($argv[1] ?? '', ['clients', 'tokens'], true) || !isset($argv[2])) {
    fwrite(STDERR, "usage: php magento.php clients|tokens 'mysql:host=localhost;dbname=magento' [PREFIX [SCOPES]]\n");
    exit(2);
}
[, $what, $dsn] = $argv;
$prefix = $argv[3] ?? '';
$scope = $argv[4] ?? '';
$database = new PDO($dsn, getenv('DB_USER') ?: null, getenv('DB_PASSWORD') ?: null,
    [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);

/* NUMBER OF THE KEY:3:BASE64 is ChaCha20-Poly1305, with its nonce in front and as what is authenticated besides. */
function secret($stored)
{
    if (!preg_match('/^(\d+):(\d+):(.+)$/', $stored, $parts)) {
        return $stored;
    }
    $key = preg_split('/\s+/', trim(getenv('CRYPT_KEY') ?: ''))[(int) $parts[1]] ?? '';
    $key = str_starts_with($key, 'base64') ? base64_decode(substr($key, 6)) : $key;
    $sealed = base64_decode($parts[3]);
    $nonce = substr($sealed, 0, 12);
    $open = $parts[2] === '3' && strlen($key) === 32
        ? sodium_crypto_aead_chacha20poly1305_ietf_decrypt(substr($sealed, 12), $nonce, $nonce, $key) : false;
    return $open !== false ? $open : throw new Exception("CRYPT_KEY does not open a secret that key $parts[1] encrypted");
}

function show($record)
{
    $kept = array_filter($record, fn ($value) => $value !== null && $value !== '' && $value !== []);
    echo json_encode($kept, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

$clients = "SELECT c.*, i.email FROM {$prefix}oauth_consumer c
              LEFT JOIN {$prefix}integration i ON i.consumer_id = c.entity_id ORDER BY c.entity_id";
$tokens = "SELECT t.*, c.key AS consumer_key, i.integration_id, i.name AS integration_name FROM {$prefix}oauth_token t
             JOIN {$prefix}oauth_consumer c ON c.entity_id = t.consumer_id
             LEFT JOIN {$prefix}integration i ON i.consumer_id = c.entity_id
            WHERE t.type = 'access' AND t.revoked = 0 ORDER BY t.entity_id";

foreach ($database->query($what === 'clients' ? $clients : $tokens) as $row) {
    if ($what === 'clients') {
        show([
            'client_id' => $row['key'],
            'client_secret' => secret($row['secret']),
            'name' => $row['name'],
            'contact' => $row['email'],
            'callbacks' => $row['callback_url'] ? [$row['callback_url']] : [],
            'http_callbacks' => str_starts_with($row['callback_url'] ?? '', 'http:') ?: null,
            'scope' => $scope,
        ]);
    } else {
        /* An integration acts for itself: whoever it is for is a user of yours with this sub. */
        $sub = $row['admin_id'] ? "admin-$row[admin_id]"
            : ($row['customer_id'] ? "customer-$row[customer_id]" : "integration-$row[integration_id]");
        show([
            'oauth_token' => $row['token'],
            'oauth_token_secret' => secret($row['secret']),
            'client_id' => $row['consumer_key'],
            'sub' => $sub,
            'username' => str_starts_with($sub, 'integration-') ? $row['integration_name'] : null,
            'created_at' => (new DateTime($row['created_at'], new DateTimeZone('UTC')))->getTimestamp(),
        ]);
    }
}
