-- Prints the LTI 1.1 keys of Moodle (3.1 to 4.5; MySQL, MariaDB, and PostgreSQL with json_build_object) for `client import`,
-- a JSON line each. It reads, and changes nothing. mdl_ is the prefix of the tables.
--
--     mariadb --batch --raw --skip-column-names moodle < moodle.sql > clients.ndjson
--
-- First what others launch Moodle with (Publish as LTI tool), then what Moodle launches external tools with (mod_lti). LTI 1.1
-- signs launches by a key and a secret, without tokens: such clients are two-legged.
SELECT JSON_OBJECT('client_id', consumerkey256, 'client_secret', secret, 'name', name, 'two_legged', true)
  FROM mdl_enrol_lti_lti2_consumer
 WHERE enabled = 1 AND secret <> ''
UNION ALL
SELECT JSON_OBJECT('client_id', k.value, 'client_secret', s.value, 'name', MIN(t.name), 'two_legged', true)
  FROM mdl_lti_types t
  JOIN mdl_lti_types_config k ON k.typeid = t.id AND k.name = 'resourcekey' AND k.value <> ''
  JOIN mdl_lti_types_config s ON s.typeid = t.id AND s.name = 'password' AND s.value <> ''
 WHERE t.state = 1
 GROUP BY k.value, s.value;
