/* Our GGUF reader beside the second one: same verdict, same places. Owns: the comparison. */
#include "base/mem.h"
#include "fuzz.h"
#include "gguf/gguf.h"
#include "reader2.h"
#include <string.h>

typedef unsigned long long ull;

/* A place that our reader hands out as a pointer, as an offset in the file. */
static uint64_t place(const uint8_t *data, const void *at)
{
    return (uint64_t)((const uint8_t *)at - data);
}

static void strings_agree(sterna_gguf *file, const char *key, const uint8_t *data, const reader2_key *other)
{
    sterna_gguf_strings strings;
    sterna_fault fault = {0};
    sterna_status status = sterna_gguf_string_array(file, key, &strings, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
    FUZZ_REQUIRE(strings.count == other->count, "%llu strings, %llu", (ull)strings.count, (ull)other->count);
    uint64_t at = other->value.at;
    for (uint64_t i = 0; i < strings.count; i++) {
        sterna_gguf_text text = sterna_gguf_string_at(&strings, i);
        uint64_t length = 0;
        for (unsigned b = 0; b < 8; b++) length |= (uint64_t)data[at + b] << (8 * b);
        FUZZ_REQUIRE(place(data, text.data) == at + 8 && text.length == length,
                     "string %llu: %llu bytes at %llu, %llu at %llu", (ull)i, (ull)text.length,
                     (ull)place(data, text.data), (ull)length, (ull)(at + 8));
        at += 8 + length;
    }
}

static void keys_agree(sterna_gguf *file, const uint8_t *data, const reader2 *other)
{
    static char name[STERNA_GGUF_MAX_KEY + 1];
    uint64_t n;
    const sterna_gguf_value *values = sterna_gguf_values(file, &n);
    FUZZ_REQUIRE(n == other->n_keys, "%llu keys, %llu", (ull)n, (ull)other->n_keys);
    for (uint64_t i = 0; i < n; i++) {
        const sterna_gguf_value *v = &values[i];
        const reader2_key *k = &other->keys[i];
        FUZZ_REQUIRE(place(data, v->key.data) == k->name.at && v->key.length == k->name.bytes,
                     "key %llu: name at %llu, %llu", (ull)i, (ull)place(data, v->key.data), (ull)k->name.at);
        FUZZ_REQUIRE((uint32_t)v->type == k->type && (uint32_t)v->element == k->element &&
                         v->count == k->count,
                     "key %llu: type %u of %u x %llu, type %u of %u x %llu", (ull)i, (unsigned)v->type,
                     (unsigned)v->element, (ull)v->count, k->type, k->element, (ull)k->count);
        FUZZ_REQUIRE(place(data, v->data) == k->value.at && v->offset == k->value.at &&
                         v->bytes == k->value.bytes,
                     "key %llu: %llu bytes at %llu (said: %llu), %llu at %llu", (ull)i, (ull)v->bytes,
                     (ull)place(data, v->data), (ull)v->offset, (ull)k->value.bytes, (ull)k->value.at);
        memcpy(name, v->key.data, v->key.length);
        name[v->key.length] = 0;
        FUZZ_REQUIRE(sterna_gguf_find(file, name) == v, "key %llu is not found by its name", (ull)i);
        if (k->type == STERNA_GGUF_ARRAY && k->element == STERNA_GGUF_STRING)
            strings_agree(file, name, data, k);
    }
}

static void tensors_agree(const sterna_gguf *file, const uint8_t *data, uint64_t size, const reader2 *other)
{
    char name[STERNA_GGUF_MAX_NAME + 1];
    uint64_t n;
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &n);
    FUZZ_REQUIRE(n == other->n_tensors, "%llu tensors, %llu", (ull)n, (ull)other->n_tensors);
    FUZZ_REQUIRE(sterna_gguf_data_offset(file) == other->data_start, "data begin at %llu, %llu",
                 (ull)sterna_gguf_data_offset(file), (ull)other->data_start);
    for (uint64_t i = 0; i < n; i++) {
        const sterna_gguf_tensor *t = &tensors[i];
        const reader2_tensor *o = &other->tensors[i];
        FUZZ_REQUIRE(place(data, t->name.data) == o->name.at && t->name.length == o->name.bytes,
                     "tensor %llu: name at %llu, %llu", (ull)i, (ull)place(data, t->name.data),
                     (ull)o->name.at);
        FUZZ_REQUIRE(t->n_dims == o->n_dims && memcmp(t->ne, o->ne, sizeof t->ne) == 0 &&
                         t->format->id == o->type,
                     "tensor %llu: another shape or type", (ull)i);
        FUZZ_REQUIRE(t->offset == o->data.at && t->bytes == o->data.bytes,
                     "tensor %llu: %llu bytes at %llu, %llu at %llu", (ull)i, (ull)t->bytes, (ull)t->offset,
                     (ull)o->data.bytes, (ull)o->data.at);
        bool whole = t->bytes == 0 || t->offset + t->bytes <= size;
        FUZZ_REQUIRE(whole == (t->data != NULL), "tensor %llu: data are %sthere", (ull)i,
                     t->data ? "" : "not ");
        if (t->bytes && t->data)
            FUZZ_REQUIRE(place(data, t->data) == t->offset, "tensor %llu: data at %llu, not %llu", (ull)i,
                         (ull)place(data, t->data), (ull)t->offset);
        memcpy(name, t->name.data, t->name.length);
        name[t->name.length] = 0;
        FUZZ_REQUIRE(sterna_gguf_tensor_named(file, name) == t, "tensor %llu is not found by its name",
                     (ull)i);
    }
}

/* Touches the first and last byte of everything, so that a place outside the file is a signal. */
static void touch(const sterna_gguf *file)
{
    volatile uint8_t sum = 0;
    uint64_t n;
    const sterna_gguf_value *v = sterna_gguf_values(file, &n);
    for (uint64_t i = 0; i < n; i++)
        if (v[i].bytes) sum = (uint8_t)(sum + v[i].data[0] + v[i].data[v[i].bytes - 1]);
    const sterna_gguf_tensor *t = sterna_gguf_tensors(file, &n);
    for (uint64_t i = 0; i < n; i++)
        if (t[i].bytes && t[i].data) sum = (uint8_t)(sum + t[i].data[0] + t[i].data[t[i].bytes - 1]);
}

static bool agree(const uint8_t *data, size_t size, bool directory)
{
    sterna_gguf *file = NULL;
    sterna_fault fault = {0};
    reader2 other;
    int64_t before = sterna_mem_bytes();
    sterna_status status =
        sterna_gguf_open_memory(data, size, "input", directory ? STERNA_GGUF_DIRECTORY : 0, &file, &fault);
    int64_t held = sterna_mem_bytes() - before;
    FUZZ_REQUIRE(held <= (int64_t)(32 * size + 4096), "%lld bytes of memory for a file of %llu",
                 (long long)held, (ull)size);
    if (status != STERNA_OK) {
        FUZZ_REQUIRE(status == STERNA_FILE && strncmp(fault.text, "input: ", 7) == 0, "%s: %s",
                     sterna_status_name(status), fault.text);
    } else {
        touch(file);
    }
    reader2_open(&other, data, size, directory);
    FUZZ_REQUIRE(other.no_memory || (status == STERNA_OK) == (other.refused == NULL),
                 "ours: %s; the other: %s", status == STERNA_OK ? "accepts" : fault.text,
                 other.refused ? other.refused : "accepts");
    if (status == STERNA_OK && !other.refused) {
        FUZZ_REQUIRE(sterna_gguf_version(file) == other.version &&
                         sterna_gguf_alignment(file) == other.alignment,
                     "version %u, %u; alignment %u, %u", sterna_gguf_version(file), other.version,
                     sterna_gguf_alignment(file), other.alignment);
        keys_agree(file, data, &other);
        tensors_agree(file, data, size, &other);
    }
    reader2_free(&other);
    sterna_gguf_close(file);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return status == STERNA_OK;
}

bool sterna_fuzz_gguf_agree(const uint8_t *data, size_t size)
{
    bool whole = agree(data, size, false), directory = agree(data, size, true);
    FUZZ_REQUIRE(!whole || directory, "the whole file opens, its directory does not");
    return whole;
}
