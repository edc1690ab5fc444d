#include "shapes/seal_shape.h"

#include "shapes/shape.h"

static const char *const states[] = {
    [SEALING_KEY_HELD] = "held",
    [SEALING_KEY_UNPROVEN] = "held",
    [SEALING_KEY_OTHER] = "another key has this id",
    [SEALING_KEY_MISSING] = "missing",
};

static void write_sealing_key(struct json_writer *json, const struct keyring *keys, const struct sealing_key *key,
                              bool used)
{
    bool seals = slice_eq(key->id, keyring_id(keys, 0));
    json_begin_object(json);
    json_member_string(json, "key", key->id);
    json_member_bool(json, "in_use", used);
    json_member_bool(json, "seals", seals);
    json_member_bool(json, "may_be_taken_out", !used && !seals);
    json_member_text(json, "state", states[key->state]);
    json_end_object(json);
}

static bool is_used(const struct sealing_key_page *used, struct slice id)
{
    for (size_t i = 0; i < used->count; i++)
        if (slice_eq(used->keys[i].id, id))
            return true;
    return false;
}

void seal_shape_write_keys(struct json_writer *json, const struct keyring *keys, const struct sealing_key_page *used)
{
    json_begin_object(json);
    json_member_array(json, "keys");
    for (size_t i = 0; i < used->count; i++)
        write_sealing_key(json, keys, &used->keys[i], true);
    for (size_t i = 0; i < keyring_count(keys); i++) {
        const struct sealing_key key = {keyring_id(keys, i), SEALING_KEY_HELD};
        if (!is_used(used, key.id))
            write_sealing_key(json, keys, &key, false);
    }
    json_end_array(json);
    json_end_object(json);
}

void seal_shape_write_rewritten(struct json_writer *json, const struct reseal *reseal, const struct keyring *keys,
                                const struct sealing_key_page *used)
{
    int64_t left = reseal->is_over ? 0 : reseal->wanted - reseal->rewritten;
    json_begin_object(json);
    json_member_bool(json, "done", reseal->is_over);
    json_member_int(json, "rewritten", reseal->rewritten);
    json_member_int(json, "left", left > 0 ? left : 0);
    json_member_int(json, "damaged", reseal->loss.count);
    shape_write_text(json, "damaged_names", slice_of(reseal->loss.names, reseal->loss.names_len));
    json_member_string(json, "seals", keyring_id(keys, 0));
    json_member_array(json, "in_use");
    for (size_t i = 0; i < used->count; i++)
        json_string(json, used->keys[i].id);
    json_end_array(json);
    json_end_object(json);
}
