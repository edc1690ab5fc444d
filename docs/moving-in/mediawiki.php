<?php
/* Prints the OAuth 1 consumers and access tokens of MediaWiki's Extension:OAuth, for `client import` and `token import`.
 *
 *     export DB_USER=wiki DB_PASSWORD=…
 *     export OAUTH_SECRET_KEY=…         # $wgOAuthSecretKey of LocalSettings.php, or $wgSecretKey where that one is not set
 *     php mediawiki.php clients 'mysql:host=localhost;dbname=wiki' > clients.ndjson
 *     php mediawiki.php tokens 'mysql:host=localhost;dbname=wiki' > tokens.ndjson
 *
 * Tables as in the extension's schema/tables.json (MediaWiki 1.35 to 1.45). A third argument is the prefix of the tables,
 * a fourth what each client may ask for. It reads, and changes nothing. Both files hold secrets: umask 077. */
if (!in_array($argv[1] ?? '', ['clients', 'tokens'], true) || !isset($argv[2])) {
    fwrite(STDERR, "usage: php mediawiki.php clients|tokens 'mysql:host=localhost;dbname=wiki' [PREFIX [SCOPES]]\n");
    exit(2);
}
[, $what, $dsn] = $argv;
$prefix = $argv[3] ?? '';
$scope = $argv[4] ?? '';
$database = new PDO($dsn, getenv('DB_USER') ?: null, getenv('DB_PASSWORD') ?: null,
    [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);

/* The database does not hold what clients sign with, but what it is made from. */
function secret($stored)
{
    $key = getenv('OAUTH_SECRET_KEY');
    return $key ? hash_hmac('sha1', $stored, $key) : $stored;
}

function callbacks($url, $is_prefix)
{
    return $is_prefix ? [$url, rtrim($url, '/') . '/*'] : [$url];
}

function show($record)
{
    $kept = array_filter($record, fn ($value) => $value !== null && $value !== '' && $value !== []);
    echo json_encode($kept, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

/* Stage 1 is approved, 0 proposed; the others are rejected, expired and disabled. */
$clients = "SELECT * FROM {$prefix}oauth_registered_consumer
             WHERE oarc_oauth_version = 1 AND oarc_deleted = 0 AND oarc_stage IN (0, 1) ORDER BY oarc_id";
$tokens = "SELECT a.*, c.oarc_consumer_key, u.user_name FROM {$prefix}oauth_accepted_consumer a
             JOIN {$prefix}oauth_registered_consumer c ON c.oarc_id = a.oaac_consumer_id
             JOIN {$prefix}user u ON u.user_id = a.oaac_user_id
            WHERE a.oaac_oauth_version = 1 AND c.oarc_oauth_version = 1 AND c.oarc_deleted = 0 AND c.oarc_stage IN (0, 1)
            ORDER BY a.oaac_id";

foreach ($database->query($what === 'clients' ? $clients : $tokens) as $row) {
    if ($what === 'clients') {
        show([
            'client_id' => $row['oarc_consumer_key'],
            'client_secret' => $row['oarc_rsa_key'] ? null : secret($row['oarc_secret_key']),
            'rsa_public_key' => $row['oarc_rsa_key'],
            'name' => $row['oarc_name'],
            'description' => $row['oarc_description'],
            'contact' => $row['oarc_email'],
            'callbacks' => $row['oarc_callback_url'] ? callbacks($row['oarc_callback_url'], $row['oarc_callback_is_prefix']) : [],
            'http_callbacks' => str_starts_with($row['oarc_callback_url'], 'http:') ?: null,
            'scope' => $scope,
            'approval' => $row['oarc_stage'] == 0 ? 'pending' : null,
        ]);
    } else {
        show([
            'oauth_token' => $row['oaac_access_token'],
            'oauth_token_secret' => secret($row['oaac_access_secret']),
            'client_id' => $row['oarc_consumer_key'],
            'sub' => (string) $row['oaac_user_id'],
            'username' => $row['user_name'],
            'created_at' => DateTime::createFromFormat('YmdHis', $row['oaac_accepted'], new DateTimeZone('UTC'))->getTimestamp(),
        ]);
    }
}
