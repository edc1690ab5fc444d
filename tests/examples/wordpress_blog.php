<?php
/* A blog as WordPress itself installs it, with a user, and what its plugin rest-api-oauth1 writes of a consumer and a token.
 *
 *     php wordpress_blog.php FOLDER-OF-WORDPRESS DB_NAME DB_USER DB_PASSWORD DB_HOST PASSWORD-OF-WILMA
 *
 * It sends no mail and asks nobody over the network. */
[, $folder, $name, $user, $password, $host, $theirs] = $argv;
foreach (['ABSPATH' => "$folder/", 'DB_NAME' => $name, 'DB_USER' => $user, 'DB_PASSWORD' => $password, 'DB_HOST' => $host,
          'DB_CHARSET' => 'utf8mb4', 'DB_COLLATE' => '', 'WP_INSTALLING' => true, 'DISABLE_WP_CRON' => true] as $constant => $value) {
    define($constant, $value);
}
$_SERVER += ['HTTP_HOST' => 'blog.example', 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1'];
$table_prefix = 'wp_';

function wp_new_blog_notification()
{
}

require ABSPATH . 'wp-settings.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_http_request', fn () => new WP_Error('offline'));
$made = wp_install('Blog', 'wilma', 'wilma@a.example', true, '', $theirs);

$consumer = wp_insert_post(['post_type' => 'json_consumer', 'post_title' => 'Printer', 'post_content' => 'prints',
                            'post_author' => $made['user_id']], true);
foreach (['key' => 'realkey', 'secret' => 'real secret', 'callback' => 'https://printer.example/ready', 'type' => 'oauth1'] as $meta => $value) {
    update_post_meta($consumer, $meta, $value);
}
add_option('oauth1_access_realtoken', ['key' => 'realtoken', 'secret' => 'real token secret', 'consumer' => $consumer,
                                       'user' => $made['user_id']], '', 'no');
echo $wp_version, "\n";
