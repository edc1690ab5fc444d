#include "redis/slot.h"

uint16_t redis_crc16(struct slice bytes)
{
    static const uint16_t by_nibble[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                           0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    uint16_t crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        crc = (uint16_t)(crc << 4) ^ by_nibble[(crc >> 12) ^ (byte >> 4)];
        crc = (uint16_t)(crc << 4) ^ by_nibble[(crc >> 12) ^ (byte & 15)];
    }
    return crc;
}

unsigned redis_slot_of(struct slice key)
{
    size_t open = slice_find(key, '{');
    struct slice rest = slice_sub(key, open < key.len ? open + 1 : key.len, key.len);
    size_t close = slice_find(rest, '}');
    bool is_tagged = close > 0 && close < rest.len;
    return redis_crc16(is_tagged ? slice_sub(rest, 0, close) : key) % REDIS_SLOTS;
}
