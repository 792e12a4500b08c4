/* Taking GGUF files apart without believing or refusing anything, and putting them together. */
#include "gguf_doc.h"
#include "base/size.h"
#include "formats/format.h"
#include "names.h"
#include <string.h>

static const char *const key_names[] = {
#define X(text) text,
    FUZZ_KEYS(X)
#undef X
#define X(text) "llama." text, "bitnet-b1.58." text,
        FUZZ_HPARAM_KEYS(X)
#undef X
#define X(name, key, used) key,
            STERNA_TOKEN_IDS(X)
#undef X
};

static const char *const tensor_names[] = {"token_embd.weight", "output.weight", "output_norm.weight",
                                           "rope_freqs.weight",
#define X(slot, name, rows, cols, families) "blk.0." name, "blk.1." name,
                                           STERNA_LAYER_TENSORS(X)
#undef X
};

const char *const *gguf_doc_key_names(uint32_t *n)
{
    *n = STERNA_COUNT(key_names);
    return key_names;
}

const char *const *gguf_doc_tensor_names(uint32_t *n)
{
    *n = STERNA_COUNT(tensor_names);
    return tensor_names;
}

size_t gguf_doc_scalar_bytes(uint32_t type)
{
    static const uint8_t bytes[13] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < 13 ? bytes[type] : 0;
}

uint8_t *gguf_doc_scratch(gguf_doc *doc, size_t bytes)
{
    if (bytes > sizeof doc->scratch - doc->used) return NULL;
    doc->used += bytes;
    return doc->scratch + doc->used - bytes;
}

typedef struct scan {
    gguf_doc *doc;
    const uint8_t *data;
    size_t size, at;
    bool lost;
} scan;

/* A field of 4 or 8 bytes; remembers where it stands. */
static uint64_t field(scan *s, uint32_t width)
{
    uint64_t value = 0;
    if (s->lost || s->size - s->at < width) {
        s->lost = true;
        return 0;
    }
    memcpy(&value, s->data + s->at, width);
    if (s->doc->n_fields < GGUF_DOC_FIELDS)
        s->doc->fields[s->doc->n_fields++] = (gguf_field){(uint32_t)s->at, width};
    s->at += width;
    return value;
}

static void skip(scan *s, uint64_t bytes)
{
    if (bytes > s->size - s->at) s->lost = true;
    if (!s->lost) s->at += (size_t)bytes;
}

static void scan_name(scan *s, gguf_item *item)
{
    item->name_bytes = (size_t)field(s, 8);
    item->name = s->data + s->at;
    skip(s, item->name_bytes);
}

static void scan_key(scan *s, gguf_item *item)
{
    scan_name(s, item);
    uint32_t type = item->type = (uint32_t)field(s, 4), element = type;
    uint64_t count = 1;
    item->value = s->data + s->at;
    if (type == 9) {
        element = (uint32_t)field(s, 4);
        count = field(s, 8);
    }
    if (element == 8)
        for (uint64_t i = 0; i < count && !s->lost; i++) skip(s, field(s, 8));
    else if (gguf_doc_scalar_bytes(element) == 0)
        s->lost = true;
    else
        skip(s, sterna_sat_mul(count, gguf_doc_scalar_bytes(element)));
    item->value_bytes = (size_t)(s->data + s->at - item->value);
    if (item->name_bytes == 17 && type == 4 && !s->lost && memcmp(item->name, "general.alignment", 17) == 0)
        memcpy(&s->doc->alignment, item->value, 4);
}

/* Bytes as the shape and type claim; UINT64_MAX when that is nonsense. */
static uint64_t claimed_bytes(const gguf_item *t)
{
    const sterna_format *format = sterna_format_find(t->type);
    uint64_t count = 1;
    if (!format) return 0;
    for (uint32_t i = 0; i < 4 && i < t->n_dims; i++) count = sterna_sat_mul(count, t->ne[i]);
    return count == UINT64_MAX ? count : sterna_sat_mul(count / format->values, format->bytes);
}

static void scan_tensor(scan *s, gguf_item *t)
{
    scan_name(s, t);
    t->n_dims = (uint32_t)field(s, 4);
    if (t->n_dims > 4) s->lost = true;
    for (uint32_t i = 0; i < 4; i++) t->ne[i] = i < t->n_dims ? field(s, 8) : 1;
    t->type = (uint32_t)field(s, 4);
    t->offset = field(s, 8);
}

/* Tensors get the bytes that lie where they say they are. */
static void scan_data(scan *s, uint64_t start)
{
    for (uint32_t i = 0; i < s->doc->n_tensors; i++) {
        gguf_item *t = &s->doc->tensors[i];
        uint64_t at = sterna_sat_add(start, t->offset), bytes = claimed_bytes(t);
        if (at > s->size) at = s->size;
        if (bytes > s->size - at) bytes = s->size - at;
        t->value = s->data + at;
        t->value_bytes = (size_t)bytes;
    }
}

static uint64_t usable_alignment(uint32_t alignment)
{
    return sterna_is_pow2(alignment) && alignment <= 4096 ? alignment : 32;
}

void gguf_doc_parse(gguf_doc *doc, const uint8_t *data, size_t size)
{
    /* The large arrays need no clearing. */
    doc->n_keys = doc->n_tensors = doc->n_fields = 0;
    doc->keep_counts = doc->keep_offsets = false;
    doc->used = 0;
    doc->size = size;
    doc->alignment = 32;
    scan s = {doc, data, size, 0, size < 4};
    s.at = size < 4 ? 0 : 4;
    doc->version = (uint32_t)field(&s, 4);
    doc->claimed_tensors = field(&s, 8);
    doc->claimed_keys = field(&s, 8);
    for (uint64_t i = 0; i < doc->claimed_keys && doc->n_keys < GGUF_DOC_ITEMS && !s.lost; i++) {
        doc->keys[doc->n_keys] = (gguf_item){0};
        scan_key(&s, &doc->keys[doc->n_keys]);
        if (!s.lost) doc->n_keys++;
    }
    for (uint64_t i = 0; i < doc->claimed_tensors && doc->n_tensors < GGUF_DOC_ITEMS && !s.lost; i++) {
        doc->tensors[doc->n_tensors] = (gguf_item){0};
        scan_tensor(&s, &doc->tensors[doc->n_tensors]);
        if (!s.lost) doc->n_tensors++;
    }
    uint64_t start = s.at;
    if (sterna_align_u64(s.at, usable_alignment(doc->alignment), &start)) scan_data(&s, start);
}

typedef struct print {
    uint8_t *out;
    size_t at, max;
} print;

static void put(print *p, const void *data, size_t bytes)
{
    if (bytes > p->max - p->at) bytes = p->max - p->at;
    if (bytes) memcpy(p->out + p->at, data, bytes);
    p->at += bytes;
}

static void put_number(print *p, uint64_t value, size_t width)
{
    put(p, &value, width);
}

static void put_zeros(print *p, uint64_t bytes)
{
    if (bytes > p->max - p->at) bytes = p->max - p->at;
    memset(p->out + p->at, 0, (size_t)bytes);
    p->at += (size_t)bytes;
}

static void put_padding(print *p, uint64_t alignment)
{
    put_zeros(p, (alignment - p->at % alignment) % alignment);
}

static void put_tensor(print *p, const gguf_doc *doc, const gguf_item *t, uint64_t alignment, uint64_t *next)
{
    uint64_t end;
    put_number(p, t->name_bytes, 8);
    put(p, t->name, t->name_bytes);
    put_number(p, t->n_dims, 4);
    for (uint32_t i = 0; i < t->n_dims && i < 4; i++) put_number(p, t->ne[i], 8);
    put_number(p, t->type, 4);
    put_number(p, doc->keep_offsets ? t->offset : *next, 8);
    if (!sterna_align_u64(sterna_sat_add(*next, claimed_bytes(t)), alignment, &end)) end = 0;
    *next = end;
}

size_t gguf_doc_write(const gguf_doc *doc, uint8_t *out, size_t max)
{
    print p = {out, 0, max};
    uint64_t alignment = usable_alignment(doc->alignment), next = 0;
    put(&p, "GGUF", 4);
    put_number(&p, doc->version, 4);
    put_number(&p, doc->keep_counts ? doc->claimed_tensors : doc->n_tensors, 8);
    put_number(&p, doc->keep_counts ? doc->claimed_keys : doc->n_keys, 8);
    for (uint32_t i = 0; i < doc->n_keys; i++) {
        put_number(&p, doc->keys[i].name_bytes, 8);
        put(&p, doc->keys[i].name, doc->keys[i].name_bytes);
        put_number(&p, doc->keys[i].type, 4);
        put(&p, doc->keys[i].value, doc->keys[i].value_bytes);
    }
    for (uint32_t i = 0; i < doc->n_tensors; i++) put_tensor(&p, doc, &doc->tensors[i], alignment, &next);
    for (uint32_t i = 0; i < doc->n_tensors; i++) {
        const gguf_item *t = &doc->tensors[i];
        uint64_t claimed = claimed_bytes(t);
        size_t held = claimed < t->value_bytes ? (size_t)claimed : t->value_bytes;
        put_padding(&p, alignment);
        put(&p, t->value, held);
        put_zeros(&p, claimed - held);
    }
    if (doc->n_tensors) put_padding(&p, alignment);
    return p.at;
}
