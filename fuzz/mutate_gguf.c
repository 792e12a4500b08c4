/* The structure-aware mutator: one edit of a GGUF file that a mutator of bytes would hardly find.
 * Owns: the choice between an edit of a field where it stands and an edit of the list of keys and tensors.
 * Leaves to others: taking files apart and putting them together (gguf_doc.c). */
#include "base/mem.h"
#include "base/size.h"
#include "fuzz.h"
#include "gguf_doc.h"
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
typedef struct dice {
    uint64_t state;
} dice;

static uint64_t roll64(dice *d)
{
    uint64_t z = d->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint32_t roll(dice *d, uint32_t sides)
{
    return sides ? (uint32_t)(roll64(d) % sides) : 0;
}

static bool one_in(dice *d, uint32_t n)
{
    return roll(d, n) == 0;
}

/* Numbers on the edge of a rule of docs/formats.md, of an integer type, or of a common miscalculation. */
static uint64_t edge(dice *d)
{
    /* clang-format off */
    static const uint64_t edges[] = {
        0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 31, 32, 33, 63, 64, 65, 255, 256, 257, 65535, 65536,
        1u << 20, (1u << 20) + 1, 1u << 21, (1u << 30) - 1, 1u << 30, (1u << 30) + 1, INT32_MAX, 1u << 31, UINT32_MAX,
        1ull << 32, (1ull << 32) + 1, 1ull << 61, 1ull << 62, INT64_MAX - 31, INT64_MAX, 1ull << 63, UINT64_MAX - 31,
        UINT64_MAX - 7, UINT64_MAX,
    };
    /* clang-format on */
    return edges[roll(d, STERNA_COUNT(edges))];
}

/* A new value for a field that now holds `now`; `left` is how many bytes follow it. */
static uint64_t another(dice *d, uint64_t now, uint64_t left)
{
    switch (roll(d, 6)) {
    case 0:
        return edge(d);
    case 1:
        return now + 1;
    case 2:
        return now - 1;
    case 3: /* up to the end of the file, and just beyond */
        return left + roll(d, 3) - 1;
    case 4:
        return now ^ 1ull << roll(d, 64);
    default:
        return roll(d, 64);
    }
}

/* Changes one or two fields where they stand; everything else keeps its place. */
static void edit_fields(dice *d, const gguf_doc *doc, uint8_t *data, size_t size)
{
    for (uint32_t times = 1 + roll(d, 2); times > 0 && doc->n_fields > 0; times--) {
        const gguf_field *f = &doc->fields[roll(d, doc->n_fields)];
        uint64_t now = 0, value;
        memcpy(&now, data + f->at, f->width);
        value = another(d, now, size - f->at - f->width);
        memcpy(data + f->at, &value, f->width);
    }
}

static gguf_item *pick(dice *d, gguf_item *items, uint32_t n)
{
    return n ? &items[roll(d, n)] : NULL;
}

/* Puts a copy of `item` at a random place. */
static void insert(dice *d, gguf_item *items, uint32_t *n, const gguf_item *item)
{
    gguf_item copy = *item;
    if (*n == GGUF_DOC_ITEMS) return;
    uint32_t at = roll(d, *n + 1);
    memmove(items + at + 1, items + at, (*n - at) * sizeof *items);
    items[at] = copy;
    ++*n;
}

static void drop(dice *d, gguf_item *items, uint32_t *n)
{
    if (*n == 0) return;
    uint32_t at = roll(d, *n);
    memmove(items + at, items + at + 1, (*n - at - 1) * sizeof *items);
    --*n;
}

static void swap(dice *d, gguf_item *items, uint32_t n)
{
    if (n < 2) return;
    uint32_t a = roll(d, n), b = roll(d, n);
    gguf_item kept = items[a];
    items[a] = items[b];
    items[b] = kept;
}

/* A different name: one of the format's own, or the old one with a letter changed. */
static void rename_item(dice *d, gguf_doc *doc, gguf_item *item, bool tensor)
{
    uint32_t n;
    const char *const *names = tensor ? gguf_doc_tensor_names(&n) : gguf_doc_key_names(&n);
    if (one_in(d, 2)) {
        item->name = (const uint8_t *)names[roll(d, n)];
        item->name_bytes = strlen((const char *)item->name);
        return;
    }
    uint8_t *copy = gguf_doc_scratch(doc, item->name_bytes);
    if (!copy || item->name_bytes == 0) return;
    memcpy(copy, item->name, item->name_bytes);
    copy[roll(d, (uint32_t)item->name_bytes)] ^= (uint8_t)(1u << roll(d, 8));
    item->name = copy;
}

/* Gives a key a scalar of a random type, with a value that may well make sense. */
static void set_scalar(dice *d, gguf_doc *doc, gguf_item *item)
{
    uint8_t *value = gguf_doc_scratch(doc, 8);
    if (!value) return;
    uint64_t number = one_in(d, 3) ? edge(d) : roll(d, 40);
    if (one_in(d, 4)) number = 0x3F800000u + (uint64_t)roll(d, 1u << 24); /* 1.0f and above */
    memcpy(value, &number, 8);
    item->type = one_in(d, 2) ? item->type : roll(d, 13);
    item->value = value;
    item->value_bytes = gguf_doc_scalar_bytes(item->type);
    if (item->value_bytes == 0) item->value_bytes = 8;
}

/* Shapes whose product or size wraps around in 64 bits, or only just does not. */
static void set_shape(dice *d, gguf_item *t)
{
    if (one_in(d, 3)) {
        uint32_t bits = 64 - roll(d, 4);
        t->n_dims = 2 + roll(d, 3);
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t part = i + 1 == t->n_dims ? bits : roll(d, bits + 1);
            if (i >= t->n_dims) break;
            bits -= part;
            t->ne[i] = part > 63 ? UINT64_MAX : (uint64_t)1 << part;
        }
        if (one_in(d, 3)) t->ne[roll(d, t->n_dims)] += roll(d, 3) - 1u;
        return;
    }
    t->n_dims = one_in(d, 4) ? roll(d, 6) : t->n_dims;
    t->ne[roll(d, 4)] = one_in(d, 2) ? edge(d) : 32u * roll(d, 16);
}

static void set_alignment(dice *d, gguf_doc *doc)
{
    static const char name[] = "general.alignment";
    uint8_t *value = gguf_doc_scratch(doc, 8);
    if (!value) return;
    uint64_t number = one_in(d, 3) ? edge(d) : (uint64_t)1 << roll(d, 9);
    memcpy(value, &number, 8);
    doc->alignment = number <= UINT32_MAX ? (uint32_t)number : 0;
    gguf_item key = {.name = (const uint8_t *)name, .name_bytes = sizeof name - 1, .type = 4, .value = value};
    key.value_bytes = 4;
    if (one_in(d, 8)) key.type = 5 + 5 * roll(d, 2), key.value_bytes = key.type == 5 ? 4 : 8;
    for (uint32_t i = 0; i < doc->n_keys; i++)
        if (doc->keys[i].name_bytes == sizeof name - 1 &&
            memcmp(doc->keys[i].name, name, sizeof name - 1) == 0) {
            doc->keys[i] = key;
            return;
        }
    insert(d, doc->keys, &doc->n_keys, &key);
}

static void edit_keys(dice *d, gguf_doc *doc, gguf_doc *other)
{
    gguf_item *item = pick(d, doc->keys, doc->n_keys), *foreign = NULL;
    switch (roll(d, 8)) {
    case 0:
        if (item) insert(d, doc->keys, &doc->n_keys, item);
        break;
    case 1:
        drop(d, doc->keys, &doc->n_keys);
        break;
    case 2:
        swap(d, doc->keys, doc->n_keys);
        break;
    case 3:
    case 4:
        if (other) foreign = pick(d, other->keys, other->n_keys);
        if (foreign) insert(d, doc->keys, &doc->n_keys, foreign);
        break;
    case 5:
        if (item) rename_item(d, doc, item, false);
        break;
    case 6:
        set_alignment(d, doc);
        break;
    default:
        if (item) set_scalar(d, doc, item);
        break;
    }
}

static void edit_tensors(dice *d, gguf_doc *doc, gguf_doc *other)
{
    gguf_item *item = pick(d, doc->tensors, doc->n_tensors), *foreign = NULL;
    switch (roll(d, 9)) {
    case 0: {
        if (!item) break;
        gguf_item twin = *item;
        if (!one_in(d, 4)) rename_item(d, doc, &twin, true);
        insert(d, doc->tensors, &doc->n_tensors, &twin);
        break;
    }
    case 1:
        drop(d, doc->tensors, &doc->n_tensors);
        break;
    case 2:
        swap(d, doc->tensors, doc->n_tensors);
        break;
    case 3:
        if (other) foreign = pick(d, other->tensors, other->n_tensors);
        if (foreign) insert(d, doc->tensors, &doc->n_tensors, foreign);
        break;
    case 4:
        if (item) rename_item(d, doc, item, true);
        break;
    case 5:
        if (item) item->type = one_in(d, 4) ? (uint32_t)edge(d) : roll(d, 43);
        break;
    case 6:
        if (item) item->offset = another(d, item->offset, doc->size);
        doc->keep_offsets = true;
        break;
    default:
        if (item) set_shape(d, item);
        break;
    }
}

size_t sterna_fuzz_mutate_gguf(uint8_t *data, size_t size, size_t max, const uint8_t *other,
                               size_t other_size, uint32_t seed)
{
    static gguf_doc doc, second;
    dice d = {seed};
    gguf_doc_parse(&doc, data, size);
    uint8_t *copy = one_in(&d, 2) ? NULL : sterna_alloc(size + 1, 1);
    if (!copy) {
        edit_fields(&d, &doc, data, size);
        return size;
    }
    memcpy(copy, data, size);
    gguf_doc_parse(&doc, copy, size);
    if (other) gguf_doc_parse(&second, other, other_size);
    for (uint32_t times = 1 + roll(&d, 3); times > 0; times--) {
        if (one_in(&d, 2))
            edit_keys(&d, &doc, other ? &second : NULL);
        else
            edit_tensors(&d, &doc, other ? &second : NULL);
    }
    /* Mostly a file whose counts and offsets follow the edit, so that it gets past the first checks. */
    doc.keep_counts = one_in(&d, 10);
    doc.keep_offsets = doc.keep_offsets || one_in(&d, 10);
    size = gguf_doc_write(&doc, data, max);
    sterna_free(copy);
    return size;
}
