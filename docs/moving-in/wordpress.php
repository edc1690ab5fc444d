<?php
/* Prints the consumers, tokens and users of WordPress's plugin rest-api-oauth1 (0.4), for `client import`, `user import` and
 * `token import`.
 *
 *     export DB_USER=wordpress DB_PASSWORD=…
 *     php wordpress.php clients 'mysql:host=localhost;dbname=wordpress' > clients.ndjson
 *     php wordpress.php users 'mysql:host=localhost;dbname=wordpress' > users.ndjson
 *     php wordpress.php tokens 'mysql:host=localhost;dbname=wordpress' > tokens.ndjson
 *
 * A consumer is a post of the type json_consumer with its meta; a token is an option, serialized by PHP. Tables as in
 * WordPress 4.4 to 6.8. A third argument is the prefix of the tables (wp_), a fourth what each client may ask for. It reads,
 * and changes nothing. The files hold secrets: umask 077. */
if (!in_array($argv[1] ?? '', ['clients', 'users', 'tokens'], true) || !isset($argv[2])) {
    fwrite(STDERR, "usage: php wordpress.php clients|users|tokens 'mysql:host=localhost;dbname=wordpress' [PREFIX [SCOPES]]\n");
    exit(2);
}
[, $what, $dsn] = $argv;
$prefix = $argv[3] ?? 'wp_';
$scope = $argv[4] ?? '';
$database = new PDO($dsn, getenv('DB_USER') ?: null, getenv('DB_PASSWORD') ?: null,
    [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);

function show($record)
{
    $kept = array_filter($record, fn ($value) => $value !== null && $value !== '' && $value !== []);
    echo json_encode($kept, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

/* post id => its meta */
$metas = [];
$query = "SELECT m.post_id, m.meta_key, m.meta_value FROM {$prefix}postmeta m
            JOIN {$prefix}posts p ON p.ID = m.post_id AND p.post_type = 'json_consumer'";
foreach ($database->query($query) as $row) {
    $metas[$row['post_id']][$row['meta_key']] = $row['meta_value'];
}

if ($what === 'clients') {
    foreach ($database->query("SELECT * FROM {$prefix}posts WHERE post_type = 'json_consumer' ORDER BY ID") as $post) {
        $meta = $metas[$post['ID']] ?? [];
        if (($meta['type'] ?? '') !== 'oauth1' || empty($meta['key'])) {
            continue;
        }
        $callback = $meta['callback'] ?? '';
        show([
            'client_id' => $meta['key'],
            'client_secret' => $meta['secret'],
            'name' => $post['post_title'],
            'description' => $post['post_content'],
            'callbacks' => $callback === '' || $callback === 'oob' ? [] : [$callback],
            'http_callbacks' => str_starts_with($callback, 'http:') ?: null,
            'scope' => $scope,
        ]);
    }
} elseif ($what === 'users') {
    foreach ($database->query("SELECT * FROM {$prefix}users ORDER BY ID") as $user) {
        show([
            'username' => $user['user_login'],
            'email' => $user['user_email'],
            'password_hash' => $user['user_pass'],
            'created_at' => (new DateTime($user['user_registered'], new DateTimeZone('UTC')))->getTimestamp(),
        ]);
    }
} else {
    $names = $database->query("SELECT ID, user_login FROM {$prefix}users")->fetchAll(PDO::FETCH_KEY_PAIR);
    $query = "SELECT option_value FROM {$prefix}options WHERE option_name LIKE 'oauth1|_access|_%' ESCAPE '|'";
    foreach ($database->query($query) as $row) {
        $token = unserialize($row['option_value'], ['allowed_classes' => false]);
        show([
            'oauth_token' => $token['key'],
            'oauth_token_secret' => $token['secret'],
            'client_id' => $metas[$token['consumer']]['key'] ?? null,
            'username' => $names[$token['user']] ?? null,
        ]);
    }
}
