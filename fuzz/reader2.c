/* The second reader. Sums and products are taken in 128 bits, so that no check can wrap; every byte is
 * fetched through one function; names are compared pair by pair. docs/formats.md is its only source. */
#include "reader2.h"
#include "base/mem.h"
#include <string.h>

/* Twice as wide as anything in a file, which C11 does not offer. */
__extension__ typedef unsigned __int128 wide;

#define LARGEST (((wide)1 << 63) - 1)
#define MANY    ((wide)1 << 30)

typedef struct walk {
    const uint8_t *data;
    wide size, at;
    const char *refused;
} walk;

static void refuse(walk *w, const char *why)
{
    if (!w->refused) w->refused = why;
}

/* An unsigned little-endian number of `bytes` bytes. */
static uint64_t number(walk *w, unsigned bytes)
{
    uint64_t value = 0;
    if (w->at + bytes > w->size) refuse(w, "ends inside a number");
    if (w->refused) return 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)w->data[(size_t)w->at + i] << (8 * i);
    w->at += bytes;
    return value;
}

static reader2_span skip(walk *w, wide bytes)
{
    reader2_span span = {(uint64_t)w->at, (uint64_t)bytes};
    if (w->at + bytes > w->size) refuse(w, "ends inside a value");
    if (w->refused) return (reader2_span){0, 0};
    w->at += bytes;
    return span;
}

static reader2_span string(walk *w, wide most)
{
    wide length = number(w, 8);
    if (length > most) refuse(w, "a string is too long");
    return w->refused ? (reader2_span){0, 0} : skip(w, length);
}

/* Keys and tensors: at least one byte, no NUL. */
static reader2_span name(walk *w, wide most)
{
    reader2_span span = string(w, most);
    if (!w->refused && span.bytes == 0) refuse(w, "a name is empty");
    for (uint64_t i = 0; !w->refused && i < span.bytes; i++)
        if (w->data[span.at + i] == 0) refuse(w, "a name holds a NUL");
    return span;
}

/* Bytes of a scalar of each value type; 0: string or array. */
static const unsigned char scalar[13] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
enum { U32 = 4, STRING = 8, ARRAY = 9, LAST = 12 };

static void key(walk *w, reader2_key *k)
{
    k->name = name(w, 65535);
    k->type = (uint32_t)number(w, 4);
    if (k->type > LAST) refuse(w, "no such value type");
    k->element = k->type;
    k->count = 1;
    if (k->type == ARRAY) {
        k->element = (uint32_t)number(w, 4);
        if (k->element > LAST || k->element == ARRAY) refuse(w, "no such element type");
        k->count = number(w, 8);
        if (k->count > MANY) refuse(w, "too many elements");
    }
    if (w->refused) return;
    if (k->element != STRING) {
        k->value = skip(w, (wide)scalar[k->element] * k->count);
    } else if (k->type == STRING) {
        k->value = string(w, MANY);
    } else {
        k->value.at = (uint64_t)w->at;
        for (uint64_t i = 0; i < k->count && !w->refused; i++) string(w, MANY);
        k->value.bytes = (uint64_t)w->at - k->value.at;
    }
}

/* Tensor types: number, values per block, bytes per block (docs/formats.md sections 2 and 3). */
static const uint16_t types[][3] = {
    {0, 1, 4},      {1, 1, 2},      {30, 1, 2},     {8, 32, 34},    {12, 256, 144}, {35, 256, 66},
    {2, 32, 18},    {3, 32, 20},    {6, 32, 22},    {7, 32, 24},    {9, 32, 36},    {10, 256, 84},
    {11, 256, 110}, {13, 256, 176}, {14, 256, 210}, {15, 256, 292}, {16, 256, 66},  {17, 256, 74},
    {18, 256, 98},  {19, 256, 50},  {20, 32, 18},   {21, 256, 110}, {22, 256, 82},  {23, 256, 136},
    {24, 1, 1},     {25, 1, 2},     {26, 1, 4},     {27, 1, 8},     {28, 1, 8},     {29, 256, 56},
    {34, 256, 54},  {39, 32, 17},   {40, 64, 36},   {41, 128, 18},  {42, 64, 18},
};

static const uint16_t *type_of(uint32_t id)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i][0] == id) return types[i];
    return NULL;
}

static wide padded(wide at, uint32_t alignment)
{
    return (at + alignment - 1) / alignment * alignment;
}

/* `end` is where the tensors before this one end, padded, from the start of the data. */
static void tensor(walk *w, reader2_tensor *t, uint32_t alignment, wide *end)
{
    wide product = 1;
    bool empty = false;
    t->name = name(w, 63);
    t->n_dims = (uint32_t)number(w, 4);
    if (t->n_dims > 4) refuse(w, "too many dimensions");
    for (unsigned d = 0; d < 4; d++) {
        t->ne[d] = d < t->n_dims && !w->refused ? number(w, 8) : 1;
        if (t->ne[d] > LARGEST) refuse(w, "a dimension is too large");
        empty |= t->ne[d] == 0;
        /* At most 2^126: both factors are below 2^63. */
        if (!w->refused) product *= t->ne[d] ? t->ne[d] : 1;
        if (product > LARGEST) refuse(w, "the shape is too large");
    }
    t->type = (uint32_t)number(w, 4);
    wide offset = number(w, 8);
    const uint16_t *type = type_of(t->type);
    if (!type) refuse(w, "no such tensor type");
    if (w->refused) return;
    if (t->ne[0] % type[1] != 0) refuse(w, "a row does not fill blocks");
    /* Zeros counted as ones: also an empty tensor has a size that must not be too large. */
    wide bytes = (product + type[1] - 1) / type[1] * type[2];
    if (bytes > LARGEST) refuse(w, "the tensor is too large");
    if (empty) bytes = 0;
    if (offset != *end) refuse(w, "a gap, an overlap or another order");
    t->data = (reader2_span){(uint64_t)offset, (uint64_t)bytes};
    *end = padded(offset + bytes, alignment);
    if (*end > LARGEST) refuse(w, "the data are larger than any file");
}

/* Pair by pair: slow, and hard to get wrong. */
static bool same(const uint8_t *data, reader2_span a, reader2_span b)
{
    return a.bytes == b.bytes && memcmp(data + a.at, data + b.at, a.bytes) == 0;
}

static void alignment_of(walk *w, reader2 *r)
{
    static const char wanted[] = "general.alignment";
    r->alignment = 32;
    for (uint64_t i = 0; i < r->n_keys && !w->refused; i++) {
        const reader2_key *k = &r->keys[i];
        if (k->name.bytes != sizeof wanted - 1 ||
            memcmp(w->data + k->name.at, wanted, sizeof wanted - 1) != 0)
            continue;
        walk value = {w->data, w->size, k->value.at, NULL};
        r->alignment = (uint32_t)number(&value, 4);
        bool power = false;
        for (unsigned bit = 0; bit <= 20; bit++) power |= r->alignment == 1u << bit;
        if (k->type != U32 || !power) refuse(w, "the alignment is none");
    }
}

/* Room for `count` records, when the file could hold that many of at least `least` bytes each. */
static void *room(walk *w, reader2 *r, uint64_t count, unsigned least, size_t bytes)
{
    if (count > MANY || (wide)count * least > w->size) refuse(w, "announces more than fits");
    void *records = w->refused ? NULL : sterna_alloc((size_t)count + 1, bytes);
    if (!w->refused && !records) {
        r->no_memory = true;
        refuse(w, "out of memory");
    }
    return records;
}

void reader2_open(reader2 *r, const uint8_t *data, uint64_t size, bool directory)
{
    walk w = {data, size, 0, NULL};
    wide end = 0;
    *r = (reader2){0};
    if (size < 4 || data[0] != 'G' || data[1] != 'G' || data[2] != 'U' || data[3] != 'F')
        refuse(&w, "no GGUF");
    w.at = 4;
    r->version = (uint32_t)number(&w, 4);
    if (r->version != 2 && r->version != 3) refuse(&w, "no such version");
    r->n_tensors = number(&w, 8);
    r->n_keys = number(&w, 8);
    /* The shortest key: a length, a byte, a type, a byte. The shortest tensor: a length, a byte, no
     * dimensions, a type, an offset. */
    r->keys = room(&w, r, r->n_keys, 8 + 1 + 4 + 1, sizeof *r->keys);
    r->tensors = room(&w, r, r->n_tensors, 8 + 1 + 4 + 4 + 8, sizeof *r->tensors);
    for (uint64_t i = 0; i < r->n_keys && !w.refused; i++) key(&w, &r->keys[i]);
    for (uint64_t i = 0; i < r->n_keys && !w.refused; i++)
        for (uint64_t j = 0; j < i; j++)
            if (same(data, r->keys[i].name, r->keys[j].name)) refuse(&w, "a key is there twice");
    if (!w.refused) alignment_of(&w, r);
    for (uint64_t i = 0; i < r->n_tensors && !w.refused; i++) tensor(&w, &r->tensors[i], r->alignment, &end);
    for (uint64_t i = 0; i < r->n_tensors && !w.refused; i++)
        for (uint64_t j = 0; j < i; j++)
            if (same(data, r->tensors[i].name, r->tensors[j].name)) refuse(&w, "a tensor is there twice");
    r->data_start = (uint64_t)(w.refused || r->n_tensors == 0 ? w.at : padded(w.at, r->alignment));
    for (uint64_t i = 0; i < r->n_tensors && !w.refused; i++) {
        reader2_tensor *t = &r->tensors[i];
        t->data.at += r->data_start;
        if (!directory && t->data.bytes && padded((wide)t->data.at + t->data.bytes, r->alignment) > w.size)
            refuse(&w, "ends inside the data");
    }
    r->refused = w.refused;
}

void reader2_free(reader2 *r)
{
    sterna_free(r->keys);
    sterna_free(r->tensors);
    *r = (reader2){0};
}
