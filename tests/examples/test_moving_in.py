"""Each exporter of docs/moving-in, on a database in that system's own schema: what it prints is imported, and a request that is
signed with the old secrets is good. Django is tested in test_migration.py."""

import hmac
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from harness.flow import Flow
from harness.owner import Owner, until_answered
from harness.provider import ROOT, Client, clean_environment
from harness.signer import Signer
from harness.stores import MariaDB

from services import DOCS, PYTHON

MOVING_IN = ROOT / "docs/moving-in"
API = "https://api.example"
PHPASS = "$P$BmI7QRQMP6quq1PSDgGWtV94hJiP1u0"


def php(script, *arguments, **variables):
    done = subprocess.run(["php", MOVING_IN / script, *arguments], capture_output=True, text=True, timeout=60,
                          env=clean_environment(variables))
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def take(provider, what, ndjson, **expected):
    done = provider.command(what, "import", "--format", "json", stdin=ndjson)
    counted = json.loads(done.out)
    wanted = {"imported": 0, "skipped": 0, "refused": 0, "users_created": 0, "dry_run": False, **expected}
    assert counted == wanted, (done, ndjson)


def ask(provider, *credentials):
    key = provider.create_resource_server("--origin", API)
    return until_answered(lambda: provider.introspect(key, Signer(*credentials).sign("GET", API + "/photos"))).json()


def write_sqlite(path, script):
    with sqlite3.connect(path) as database:
        database.executescript(script)
    return f"sqlite:{path}"


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    server = MariaDB(tmp_path_factory.mktemp("mariadb")).start()
    yield server
    server.stop()


def unpack(folder, *packages):
    """What is in packages of Debian, which are not installed."""
    if shutil.which("apt-get") is None:
        pytest.skip(f"{packages[0]}: NOT RUN, this machine has no apt, which brings it")
    done = subprocess.run(["apt-get", "-qq", "download", *packages], cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"{packages[0]}: NOT RUN, apt brings no package of it here: {done.stderr.strip()[:200]}")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("script", ["mediawiki.php", "wordpress.php", "magento.php"])
@pytest.mark.parametrize("given", [[], ["clients"], ["consumers", "sqlite::memory:"]])
def test_an_exporter_says_what_it_is_to_be_told(script, given):
    done = subprocess.run(["php", MOVING_IN / script, *given], capture_output=True, text=True, timeout=60,
                          env=clean_environment({}))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: php {script} clients|") and done.stderr.count("\n") == 1


# ---- MediaWiki with Extension:OAuth 1.1. Debian brings MediaWiki and not the extension, whose tables are those of its
# schema/tables.json, with the types that they have on MySQL.

EXTENSION = """
CREATE TABLE {prefix}oauth_registered_consumer (
    oarc_id INT UNSIGNED NOT NULL PRIMARY KEY, oarc_consumer_key VARBINARY(32) NOT NULL, oarc_name VARBINARY(128) NOT NULL,
    oarc_user_id INT UNSIGNED NOT NULL, oarc_version VARBINARY(32) NOT NULL, oarc_callback_url BLOB NOT NULL,
    oarc_callback_is_prefix TINYBLOB, oarc_description BLOB NOT NULL, oarc_email VARBINARY(255) NOT NULL,
    oarc_email_authenticated BINARY(14), oarc_developer_agreement TINYINT NOT NULL DEFAULT 0,
    oarc_owner_only TINYINT NOT NULL DEFAULT 0, oarc_wiki VARBINARY(32) NOT NULL, oarc_grants BLOB NOT NULL,
    oarc_registration BINARY(14) NOT NULL, oarc_secret_key VARBINARY(32), oarc_rsa_key BLOB, oarc_restrictions BLOB NOT NULL,
    oarc_stage TINYINT UNSIGNED NOT NULL DEFAULT 0, oarc_stage_timestamp BINARY(14) NOT NULL,
    oarc_deleted TINYINT UNSIGNED NOT NULL DEFAULT 0, oarc_oauth_version TINYINT NOT NULL DEFAULT 1,
    oarc_oauth2_allowed_grants BLOB, oarc_oauth2_is_confidential TINYINT NOT NULL DEFAULT 1);
CREATE TABLE {prefix}oauth_accepted_consumer (
    oaac_id INT UNSIGNED NOT NULL PRIMARY KEY, oaac_wiki VARBINARY(255) NOT NULL, oaac_user_id INT UNSIGNED NOT NULL,
    oaac_consumer_id INT UNSIGNED NOT NULL, oaac_access_token VARBINARY(32) NOT NULL, oaac_access_secret VARBINARY(32) NOT NULL,
    oaac_grants BLOB NOT NULL, oaac_accepted BINARY(14) NOT NULL, oaac_oauth_version TINYINT NOT NULL DEFAULT 1);
"""
MEDIAWIKI = EXTENSION.format(prefix="") + """
CREATE TABLE user (user_id INTEGER PRIMARY KEY, user_name BLOB);
INSERT INTO user VALUES (7, 'Jane Roe');
"""
def consumer(key, id=1, prefix="", user=7, version=1, stage=1, callback_is_prefix="NULL"):
    return f"""INSERT INTO {prefix}oauth_registered_consumer VALUES ({id}, '{key}', 'Bot {id}', {user}, '1.0',
        'https://bot.example/cb', {callback_is_prefix}, 'edits', 'bot@a.example', NULL, 1, 0, '*', '["basic"]', '20200102030405',
        'stored secret', NULL, '{{}}', {stage}, '20200102030405', 0, {version}, NULL, 1);"""


def accepted(token, id=1, prefix="", user=7):
    return f"""INSERT INTO {prefix}oauth_accepted_consumer VALUES ({id}, '*', {user}, {id}, '{token}', 'stored access', '["basic"]',
        '20200102030405', 1);"""


def effective(stored, key="wiki's key"):
    """What MediaWiki makes of a secret that it stored."""
    return hmac.new(key.encode(), stored.encode(), "sha1").hexdigest()


def test_mediawikis_consumers_and_tokens_move(provider, tmp_path):
    dsn = write_sqlite(tmp_path / "wiki", MEDIAWIKI + consumer("mw1", 1, callback_is_prefix="'1'") + consumer("mw2", 2, stage=0) +
                       consumer("mw3", 3, stage=4) + consumer("mw4", 4, version=2) + accepted("mwtoken1", 1) + accepted("mwtoken3", 3))
    key = {"OAUTH_SECRET_KEY": "wiki's key"}
    take(provider, "client", php("mediawiki.php", "clients", dsn, "", "photos:read", **key), imported=2)
    take(provider, "token", php("mediawiki.php", "tokens", dsn, **key), imported=1, users_created=1)
    answer = ask(provider, "mw1", effective("stored secret"), "mwtoken1", effective("stored access"))
    assert answer["active"] and (answer["sub"], answer["username"], answer["iat"]) == ("7", "Jane Roe", 1577934245), answer
    assert not ask(provider, "mw1", "stored secret", "mwtoken1", "stored access")["active"]
    moved = provider.expect("client", "get", "mw1")
    assert moved["callbacks"] == ["https://bot.example/cb/*", "https://bot.example/cb"] or sorted(moved["callbacks"]) == \
        ["https://bot.example/cb", "https://bot.example/cb/*"]
    assert provider.expect("client", "get", "mw2")["approval"] == "pending"


@pytest.fixture(scope="module")
def mediawiki(tmp_path_factory):
    """The command that runs MediaWiki's installer, with what PHP has to have for it. The installer takes a wiki for installed
    where the package's link to its configuration leads somewhere."""
    version = subprocess.run(["php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], capture_output=True, text=True,
                             check=True, timeout=20).stdout
    folder = unpack(tmp_path_factory.mktemp("mediawiki"), "mediawiki", "mediawiki-classes",
                    *(f"php{version}-{extension}" for extension in ("intl", "mbstring", "xml")))
    wiki = folder / "usr/share/mediawiki"
    (wiki / "LocalSettings.php").unlink()
    (loaded,) = {library.parent for library in folder.glob("usr/lib/php/*/*.so")}
    extensions = [word for name in ("intl", "mbstring", "dom", "xml", "xmlreader") for word in ("-d", f"extension={loaded}/{name}.so")]
    return ["php", *extensions, wiki / "maintenance/install.php"]


def test_what_mediawiki_itself_installed_moves_with_the_extensions_tables(provider, mediawiki, mariadb, tmp_path):
    made = subprocess.run([*mediawiki, "--dbtype", "mysql", "--dbserver", f"127.0.0.1:{mariadb.port}", "--dbname", mariadb.database,
                           "--dbuser", mariadb.user, "--dbpass", mariadb.password, "--dbprefix", "mw_", "--confpath", tmp_path,
                           "--server", "https://wiki.example", "--pass", "wanda's own password", "Wiki", "Wanda Wiki"],
                          capture_output=True, text=True, timeout=120)
    assert made.returncode == 0 and (tmp_path / "LocalSettings.php").exists(), (made.stdout[-2000:], made.stderr[-2000:])
    ((wanda,),) = mariadb.sql("SELECT user_id FROM mw_user WHERE user_name = 'Wanda Wiki'")
    mariadb.sql(EXTENSION.format(prefix="mw_") + consumer("realwiki", prefix="mw_", user=wanda) +
                accepted("realwikitoken", prefix="mw_", user=wanda))
    dsn, account = pdo(mariadb)
    account["OAUTH_SECRET_KEY"] = "wiki's key"
    take(provider, "client", php("mediawiki.php", "clients", dsn, "mw_", "photos:read", **account), imported=1)
    take(provider, "token", php("mediawiki.php", "tokens", dsn, "mw_", **account), imported=1, users_created=1)
    answer = ask(provider, "realwiki", effective("stored secret"), "realwikitoken", effective("stored access"))
    assert answer["active"] and (answer["sub"], answer["username"]) == (wanda, "Wanda Wiki"), answer


# ---- WordPress 6.8 with rest-api-oauth1 0.4

WORDPRESS = """
CREATE TABLE wp_users (ID INTEGER PRIMARY KEY, user_login TEXT, user_pass TEXT, user_nicename TEXT, user_email TEXT,
    user_url TEXT, user_registered TEXT, user_activation_key TEXT, user_status INTEGER, display_name TEXT);
CREATE TABLE wp_posts (ID INTEGER PRIMARY KEY, post_author INTEGER, post_date TEXT, post_content TEXT, post_title TEXT,
    post_status TEXT, post_type TEXT);
CREATE TABLE wp_postmeta (meta_id INTEGER PRIMARY KEY, post_id INTEGER, meta_key TEXT, meta_value TEXT);
CREATE TABLE wp_options (option_id INTEGER PRIMARY KEY, option_name TEXT UNIQUE, option_value TEXT, autoload TEXT);
INSERT INTO wp_users VALUES (3, 'wanda', '%s', 'wanda', 'wanda@a.example', '', '2020-01-02 03:04:05', '', 0, 'Wanda');
INSERT INTO wp_posts VALUES (11, 3, '2020-01-02 03:04:05', 'prints', 'Printer', 'draft', 'json_consumer'),
    (12, 3, '2020-01-02 03:04:05', '', 'A page', 'publish', 'page');
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES (11, 'key', 'wpkey'), (11, 'secret', 'wpsecret'),
    (11, 'callback', 'https://printer.example/ready'), (11, 'type', 'oauth1'), (12, 'key', 'x');
INSERT INTO wp_options (option_name, option_value) VALUES ('oauth1_access_wptoken',
    'a:4:{s:3:"key";s:7:"wptoken";s:6:"secret";s:13:"wptokensecret";s:8:"consumer";i:11;s:4:"user";i:3;}'),
    ('oauth1_request_pending', 'a:0:{}'), ('oauth1xaccess_no', 'x'), ('siteurl', 'https://blog.example');
""" % PHPASS


def test_wordpresss_consumers_users_and_tokens_move(provider, tmp_path):
    dsn = write_sqlite(tmp_path / "blog", WORDPRESS)
    take(provider, "client", php("wordpress.php", "clients", dsn, "wp_", "photos:read"), imported=1)
    take(provider, "user", php("wordpress.php", "users", dsn), imported=1)
    take(provider, "token", php("wordpress.php", "tokens", dsn), imported=1)
    answer = ask(provider, "wpkey", "wpsecret", "wptoken", "wptokensecret")
    assert answer["active"] and answer["username"] == "wanda", answer
    assert provider.expect("client", "get", "wpkey")["callbacks"] == ["https://printer.example/ready"]


@pytest.fixture(scope="module")
def wordpress(tmp_path_factory):
    return unpack(tmp_path_factory.mktemp("wordpress"), "wordpress") / "usr/share/wordpress"


def test_what_wordpress_itself_installed_moves_with_its_passwords(provider, wordpress, mariadb):
    made = subprocess.run(["php", "-d", "display_errors=stderr", Path(__file__).with_name("wordpress_blog.php"), wordpress,
                           mariadb.database, mariadb.user, mariadb.password, f"127.0.0.1:{mariadb.port}", "wilma's own password"],
                          capture_output=True, text=True, timeout=120)
    assert made.returncode == 0 and made.stderr == "", (made.stdout[-2000:], made.stderr[-2000:])
    dsn, account = pdo(mariadb)
    take(provider, "client", php("wordpress.php", "clients", dsn, "wp_", "photos:read", **account), imported=1)
    take(provider, "user", php("wordpress.php", "users", dsn, **account), imported=1)
    take(provider, "token", php("wordpress.php", "tokens", dsn, **account), imported=1)
    answer = ask(provider, "realkey", "real secret", "realtoken", "real token secret")
    assert answer["active"] and answer["username"] == "wilma", answer
    again = Flow(provider, Client("realkey", "real secret"), Owner(provider, "wilma", "wilma's own password"))
    assert again.token(callback="https://printer.example/ready")


# ---- Magento 2.4, Moodle 4.5: on MariaDB, as they run


MAGENTO = """
CREATE TABLE oauth_consumer (entity_id int unsigned NOT NULL PRIMARY KEY, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp NULL, name varchar(255) NOT NULL, `key` varchar(32) NOT NULL, secret varchar(128) NOT NULL,
    callback_url text, rejected_callback_url text NOT NULL);
CREATE TABLE oauth_token (entity_id int unsigned NOT NULL PRIMARY KEY, consumer_id int unsigned, admin_id int unsigned,
    customer_id int unsigned, type varchar(16) NOT NULL, token varchar(32) NOT NULL, secret varchar(128) NOT NULL,
    verifier varchar(32), callback_url text NOT NULL, revoked smallint unsigned NOT NULL DEFAULT 0,
    authorized smallint unsigned NOT NULL DEFAULT 0, user_type int, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE integration (integration_id int unsigned NOT NULL PRIMARY KEY, name varchar(255) NOT NULL, email varchar(255) NOT NULL,
    endpoint varchar(255), status smallint unsigned NOT NULL, consumer_id int unsigned, setup_type smallint unsigned NOT NULL);
INSERT INTO oauth_consumer VALUES (1, '2020-01-02', NULL, 'Ledger', 'mgkey1', '{encrypted}', NULL, ''),
    (2, '2020-01-02', NULL, 'Old', 'mgkey2', 'plain secret', 'https://old.example/cb', '');
INSERT INTO integration VALUES (5, 'Ledger', 'ops@a.example', NULL, 1, 1, 0);
INSERT INTO oauth_token VALUES (1, 1, NULL, NULL, 'access', 'mgtoken1', '{token}', NULL, 'oob', 0, 1, 1, '2020-01-02 03:04:05'),
    (2, 2, 9, NULL, 'access', 'mgtoken2', 'plain access', NULL, 'oob', 0, 1, 2, '2020-01-02 03:04:05'),
    (3, 2, 9, NULL, 'access', 'mgtoken3', 'x', NULL, 'oob', 1, 1, 2, '2020-01-02 03:04:05'),
    (4, 2, NULL, NULL, 'request', 'mgtoken4', 'x', NULL, 'oob', 0, 0, 2, '2020-01-02 03:04:05'),
    (5, NULL, NULL, 8, 'access', 'bearer', 'x', NULL, '', 0, 0, 3, '2020-01-02 03:04:05');
"""
KEYS = ["k" * 32, "K" * 32]


def magento_encrypt(text, version):
    import base64

    nonce = os.urandom(12)
    sealed = nonce + ChaCha20Poly1305(KEYS[version].encode()).encrypt(nonce, text.encode(), nonce)
    return f"{version}:3:{base64.b64encode(sealed).decode()}"


def pdo(mariadb):
    return f"mysql:host=127.0.0.1;port={mariadb.port};dbname={mariadb.database}", \
        {"DB_USER": mariadb.user, "DB_PASSWORD": mariadb.password}


def test_magentos_consumers_and_tokens_move_whether_they_are_encrypted_or_not(provider, mariadb):
    mariadb.sql(MAGENTO.format(encrypted=magento_encrypt("ledger's", 1), token=magento_encrypt("ledger's access", 0)))
    dsn, account = pdo(mariadb)
    account["CRYPT_KEY"] = "\n".join(KEYS)
    take(provider, "client", php("magento.php", "clients", dsn, "", "photos:read", **account), imported=2)
    take(provider, "token", php("magento.php", "tokens", dsn, **account), imported=2, users_created=2)
    answer = ask(provider, "mgkey1", "ledger's", "mgtoken1", "ledger's access")
    assert answer["active"] and (answer["sub"], answer["username"]) == ("integration-5", "Ledger"), answer
    answer = ask(provider, "mgkey2", "plain secret", "mgtoken2", "plain access")
    assert answer["active"] and answer["sub"] == "admin-9", answer
    wrong = subprocess.run(["php", MOVING_IN / "magento.php", "clients", dsn], capture_output=True, text=True,
                           env=clean_environment({**account, "CRYPT_KEY": "w" * 32}))
    assert wrong.returncode != 0 and "does not open" in wrong.stdout + wrong.stderr


MOODLE = """
CREATE TABLE mdl_enrol_lti_lti2_consumer (id bigint PRIMARY KEY, name varchar(50) NOT NULL, consumerkey256 varchar(255) NOT NULL,
    consumerkey longtext, secret varchar(1024) NOT NULL, ltiversion varchar(10), enabled tinyint NOT NULL, created bigint);
CREATE TABLE mdl_lti_types (id bigint PRIMARY KEY, name varchar(255) NOT NULL, baseurl longtext NOT NULL, state tinyint NOT NULL,
    ltiversion varchar(10));
CREATE TABLE mdl_lti_types_config (id bigint PRIMARY KEY, typeid bigint NOT NULL, name varchar(100) NOT NULL, value longtext NOT NULL);
INSERT INTO mdl_enrol_lti_lti2_consumer VALUES (1, 'Other LMS', 'lmskey', NULL, 'lms "secret"', 'LTI-1p0', 1, 0),
    (2, 'Off', 'offkey', NULL, 'x', 'LTI-1p0', 0, 0);
INSERT INTO mdl_lti_types VALUES (1, 'Quiz', 'https://quiz.example', 1, 'LTI-1p0'), (2, 'Pending', 'https://p.example', 2, 'LTI-1p0'),
    (3, 'New', 'https://n.example', 1, '1.3.0'), (4, 'Quiz two', 'https://quiz.example/2', 1, 'LTI-1p0');
INSERT INTO mdl_lti_types_config VALUES (1, 1, 'resourcekey', 'toolkey'), (2, 1, 'password', 'tool secret'),
    (3, 2, 'resourcekey', 'pendingkey'), (4, 2, 'password', 'x'), (5, 3, 'clientid', 'c'),
    (6, 4, 'resourcekey', 'toolkey'), (7, 4, 'password', 'tool secret');
"""


def test_moodles_lti_keys_move_and_sign_without_a_token(provider, mariadb):
    mariadb.sql(MOODLE)
    query = (MOVING_IN / "moodle.sql").read_text()
    done = subprocess.run(["mariadb", "--no-defaults", f"--socket={mariadb.socket}", f"--user={mariadb.user}",
                           f"--password={mariadb.password}", "--batch", "--raw", "--skip-column-names", mariadb.database],
                          input=query, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    take(provider, "client", done.stdout, imported=2)
    for key, secret in (("lmskey", 'lms "secret"'), ("toolkey", "tool secret")):
        answer = ask(provider, key, secret)
        assert answer["active"] and answer["oauth1"]["legs"] == 2, answer


# ---- Authlib on Flask

FLASK = '''
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from authlib.oauth1 import ClientMixin, TokenCredentialMixin
from export_oauth1 import add_export

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{database}"
db = SQLAlchemy(app)

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(40), unique=True)

class Client(ClientMixin, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.String(48), unique=True)
    client_secret = db.Column(db.String(120))
    default_redirect_uri = db.Column(db.Text, default="")
    def get_default_redirect_uri(self): return self.default_redirect_uri
    def get_client_secret(self): return self.client_secret
    def get_rsa_public_key(self): return None

class TokenCredential(TokenCredentialMixin, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))
    user = db.relationship("User")
    client_id = db.Column(db.String(48))
    oauth_token = db.Column(db.String(84), unique=True)
    oauth_token_secret = db.Column(db.String(84))
    def get_oauth_token(self): return self.oauth_token
    def get_oauth_token_secret(self): return self.oauth_token_secret

add_export(app, Client, TokenCredential)
if __name__ == "__main__":
    with app.app_context():
        db.create_all()
        flora = User(username="flora")
        db.session.add_all([flora, Client(client_id="flaskkey", client_secret="flask's", default_redirect_uri="https://f.example/cb"),
                            TokenCredential(user=flora, client_id="flaskkey", oauth_token="flasktoken", oauth_token_secret="flask's token")])
        db.session.commit()
'''


def test_authlibs_flask_clients_and_tokens_move(provider, tmp_path):
    (tmp_path / "shop.py").write_text(FLASK.replace("{database}", str(tmp_path / "shop.db")))
    environment = clean_environment({"PYTHONPATH": DOCS / "flask", "PYTHONDONTWRITEBYTECODE": "1"})

    def run(*arguments):
        done = subprocess.run([PYTHON, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("shop.py")
    take(provider, "client", run("-m", "flask", "--app", "shop", "export-oauth1", "clients", "--scope", "photos:read"), imported=1)
    take(provider, "token", run("-m", "flask", "--app", "shop", "export-oauth1", "tokens"), imported=1, users_created=1)
    answer = ask(provider, "flaskkey", "flask's", "flasktoken", "flask's token")
    assert answer["active"] and answer["username"] == "flora", answer
