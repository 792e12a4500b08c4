/* The keys and values of a file: their grammar and limits.
 * Owns: everything between the header and the tensor directory. Leaves to others: typed access (gguf_get.c). */
#include "gguf/gguf_private.h"

uint32_t sterna_gguf_element_bytes(uint32_t type)
{
    switch (type) {
#define X(name, number, bytes)                                                                               \
    case number:                                                                                             \
        return bytes;
        STERNA_GGUF_TYPES(X)
#undef X
    default:
        return 0;
    }
}

const char *sterna_gguf_type_name(sterna_gguf_type type)
{
    switch (type) {
#define X(name, number, bytes)                                                                               \
    case STERNA_GGUF_##name:                                                                                 \
        return #name;
        STERNA_GGUF_TYPES(X)
#undef X
    }
    return "?";
}

static sterna_status take_type(sterna_gguf_cursor *cursor, const char *what, sterna_gguf_type *out)
{
    uint32_t type;
    uint64_t start = cursor->at;
    sterna_status status = sterna_gguf_take_u32(cursor, what, &type);
    if (status != STERNA_OK) return status;
    if (type > STERNA_GGUF_F64)
        return sterna_gguf_bad(cursor, start, "%s is %u, which is no type of GGUF (0 to 12)", what,
                               (unsigned)type);
    *out = (sterna_gguf_type)type;
    return STERNA_OK;
}

/* Elements of a fixed size. */
static sterna_status take_packed(sterna_gguf_cursor *cursor, sterna_gguf_value *value)
{
    /* count <= 2^30 and elements have at most 8 bytes: no overflow. */
    value->bytes = value->count * sterna_gguf_element_bytes(value->element);
    value->offset = cursor->at;
    return sterna_gguf_take(cursor, value->bytes, "its value", &value->data);
}

static sterna_status take_array(sterna_gguf_cursor *cursor, sterna_gguf_value *value)
{
    uint64_t start = cursor->at;
    sterna_status status = take_type(cursor, "its element type", &value->element);
    if (status != STERNA_OK) return status;
    if (value->element == STERNA_GGUF_ARRAY)
        return sterna_gguf_bad(cursor, start, "it is an array of arrays; ggml reads none, and neither do we");
    start = cursor->at;
    status = sterna_gguf_take_u64(cursor, "its number of elements", &value->count);
    if (status != STERNA_OK) return status;
    if (value->count > STERNA_GGUF_MAX_COUNT)
        return sterna_gguf_bad(cursor, start, "it claims %llu elements; at most %d are allowed",
                               (unsigned long long)value->count, STERNA_GGUF_MAX_COUNT);
    if (value->element != STERNA_GGUF_STRING) return take_packed(cursor, value);
    value->offset = cursor->at;
    value->data = cursor->data + cursor->at;
    for (uint64_t i = 0; i < value->count; i++) {
        sterna_gguf_text text;
        status = sterna_gguf_take_text(cursor, STERNA_GGUF_MAX_COUNT, "one of its strings", &text);
        if (status != STERNA_OK) return status;
    }
    value->bytes = cursor->at - value->offset;
    return STERNA_OK;
}

static sterna_status take_value(sterna_gguf_cursor *cursor, sterna_gguf_value *value)
{
    sterna_status status = sterna_gguf_take_name(cursor, STERNA_GGUF_MAX_KEY);
    if (status == STERNA_OK) status = take_type(cursor, "its type", &value->type);
    if (status != STERNA_OK) return status;
    value->key = cursor->name;
    value->element = value->type;
    value->count = 1;
    if (value->type == STERNA_GGUF_ARRAY) return take_array(cursor, value);
    if (value->type != STERNA_GGUF_STRING) return take_packed(cursor, value);
    sterna_gguf_text text;
    status = sterna_gguf_take_text(cursor, STERNA_GGUF_MAX_COUNT, "its value", &text);
    if (status != STERNA_OK) return status;
    value->data = (const uint8_t *)text.data;
    value->bytes = text.length;
    value->offset = (uint64_t)(value->data - cursor->data);
    return STERNA_OK;
}

static sterna_status read_alignment(sterna_gguf *file, sterna_gguf_cursor *cursor)
{
    file->alignment = STERNA_GGUF_DEFAULT_ALIGNMENT;
    const sterna_gguf_value *value = sterna_gguf_find(file, "general.alignment");
    if (!value) return STERNA_OK;
    cursor->name = value->key;
    if (value->type != STERNA_GGUF_U32)
        return sterna_gguf_bad(cursor, value->offset, "it has type %s; U32 is required",
                               sterna_gguf_type_name(value->type));
    uint32_t alignment = sterna_gguf_load_u32(value->data);
    if (!sterna_is_pow2(alignment) || alignment > STERNA_GGUF_MAX_ALIGNMENT)
        return sterna_gguf_bad(cursor, value->offset, "%u is no power of two from 1 to %d",
                               (unsigned)alignment, STERNA_GGUF_MAX_ALIGNMENT);
    file->alignment = alignment;
    return STERNA_OK;
}

sterna_status sterna_gguf_read_values(sterna_gguf *file, sterna_gguf_cursor *cursor, uint64_t count)
{
    uint64_t capacity = 0, first, second;
    cursor->kind = "key";
    for (uint64_t i = 0; i < count; i++) {
        void *records = file->values;
        sterna_status status = sterna_gguf_grow(cursor, &records, i, count, &capacity, sizeof *file->values);
        if (status != STERNA_OK) return status;
        file->values = records;
        cursor->number = i;
        status = take_value(cursor, &file->values[i]);
        if (status != STERNA_OK) return status;
        file->n_values = i + 1;
    }
    sterna_status status = sterna_gguf_index_build(&file->value_index, file->values, count,
                                                   sizeof *file->values, &first, &second);
    if (status == STERNA_MEMORY) return sterna_gguf_no_memory(cursor);
    if (status != STERNA_OK) {
        cursor->name = file->values[second].key;
        return sterna_gguf_bad(cursor, file->values[second].offset,
                               "it is there twice, as number %llu and %llu", (unsigned long long)first,
                               (unsigned long long)second);
    }
    return read_alignment(file, cursor);
}
