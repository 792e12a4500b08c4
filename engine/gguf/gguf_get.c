/* Typed access to keys, with sentences for what is missing or of another type.
 * Owns: conversions between stored and asked types. Leaves to others: which keys a model needs (model/). */
#include "gguf/gguf_private.h"
#include <stdio.h>

const sterna_gguf_value *sterna_gguf_values(const sterna_gguf *file, uint64_t *count)
{
    *count = file->n_values;
    return file->values;
}

const sterna_gguf_value *sterna_gguf_find(const sterna_gguf *file, const char *key)
{
    sterna_gguf_text text = {key, strlen(key)};
    return sterna_gguf_index_find(&file->value_index, file->values, sizeof *file->values, text);
}

bool sterna_gguf_same(sterna_gguf_text a, const char *b)
{
    size_t length = strlen(b);
    return a.length == length && memcmp(a.data, b, length) == 0;
}

/* An integer of any width as sign and magnitude. */
static bool integer_at(const sterna_gguf_value *value, uint64_t index, bool *negative, uint64_t *magnitude)
{
    const uint8_t *at = value->data + index * sterna_gguf_element_bytes(value->element);
    uint64_t bits = 0;
    int64_t number;
    memcpy(&bits, at, sterna_gguf_element_bytes(value->element));
    switch (value->element) {
    case STERNA_GGUF_U8:
    case STERNA_GGUF_U16:
    case STERNA_GGUF_U32:
    case STERNA_GGUF_U64:
        *negative = false;
        *magnitude = bits;
        return true;
    case STERNA_GGUF_I8:
        number = (int8_t)(uint8_t)bits;
        break;
    case STERNA_GGUF_I16:
        number = (int16_t)(uint16_t)bits;
        break;
    case STERNA_GGUF_I32:
        number = (int32_t)(uint32_t)bits;
        break;
    case STERNA_GGUF_I64:
        number = (int64_t)bits;
        break;
    default:
        return false;
    }
    *negative = number < 0;
    *magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return true;
}

bool sterna_gguf_as_u64(const sterna_gguf_value *value, uint64_t index, uint64_t *out)
{
    bool negative;
    uint64_t magnitude;
    if (!integer_at(value, index, &negative, &magnitude) || negative) return false;
    *out = magnitude;
    return true;
}

bool sterna_gguf_as_i64(const sterna_gguf_value *value, uint64_t index, int64_t *out)
{
    bool negative;
    uint64_t magnitude;
    if (!integer_at(value, index, &negative, &magnitude)) return false;
    if (magnitude > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool sterna_gguf_as_f32(const sterna_gguf_value *value, uint64_t index, float *out)
{
    double wide;
    if (value->element == STERNA_GGUF_F32) {
        memcpy(out, value->data + index * sizeof *out, sizeof *out);
        return true;
    }
    if (value->element != STERNA_GGUF_F64) return false;
    memcpy(&wide, value->data + index * sizeof wide, sizeof wide);
    *out = (float)wide;
    return true;
}

static sterna_status require(const sterna_gguf *file, const char *key, const sterna_gguf_value **value,
                             sterna_fault *fault)
{
    *value = sterna_gguf_find(file, key);
    if (*value) return STERNA_OK;
    return sterna_fail(fault, STERNA_FILE, "%s: key \"%s\" is missing", file->label, key);
}

static sterna_status mismatch(const sterna_gguf *file, const char *key, const sterna_gguf_value *value,
                              const char *wanted, sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_FILE, "%s: key \"%s\" holds %s%s; %s is needed (at byte %llu)",
                       file->label, key, value->type == STERNA_GGUF_ARRAY ? "an array of " : "",
                       sterna_gguf_type_name(value->element), wanted, (unsigned long long)value->offset);
}

/* A scalar integer from 0 to `highest`. */
static sterna_status integer(const sterna_gguf *file, const char *key, uint64_t highest, uint64_t *out,
                             sterna_fault *fault)
{
    const sterna_gguf_value *value;
    bool negative;
    uint64_t magnitude;
    sterna_status status = require(file, key, &value, fault);
    if (status != STERNA_OK) return status;
    if (value->type == STERNA_GGUF_ARRAY || !integer_at(value, 0, &negative, &magnitude))
        return mismatch(file, key, value, "an integer", fault);
    if (negative || magnitude > highest)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: key \"%s\" holds %s%llu; it must be from 0 to %llu (at byte %llu)",
                           file->label, key, negative ? "-" : "", (unsigned long long)magnitude,
                           (unsigned long long)highest, (unsigned long long)value->offset);
    *out = magnitude;
    return STERNA_OK;
}

sterna_status sterna_gguf_u32(const sterna_gguf *file, const char *key, uint32_t *out, sterna_fault *fault)
{
    uint64_t wide = 0;
    sterna_status status = integer(file, key, UINT32_MAX, &wide, fault);
    if (status == STERNA_OK) *out = (uint32_t)wide;
    return status;
}

sterna_status sterna_gguf_u64(const sterna_gguf *file, const char *key, uint64_t *out, sterna_fault *fault)
{
    uint64_t wide = 0;
    sterna_status status = integer(file, key, UINT64_MAX, &wide, fault);
    if (status == STERNA_OK) *out = wide;
    return status;
}

sterna_status sterna_gguf_f32(const sterna_gguf *file, const char *key, float *out, sterna_fault *fault)
{
    const sterna_gguf_value *value;
    sterna_status status = require(file, key, &value, fault);
    if (status != STERNA_OK) return status;
    if (value->type == STERNA_GGUF_ARRAY || !sterna_gguf_as_f32(value, 0, out))
        return mismatch(file, key, value, "a float", fault);
    return STERNA_OK;
}

sterna_status sterna_gguf_bool(const sterna_gguf *file, const char *key, bool *out, sterna_fault *fault)
{
    const sterna_gguf_value *value;
    sterna_status status = require(file, key, &value, fault);
    if (status != STERNA_OK) return status;
    if (value->type != STERNA_GGUF_BOOL) return mismatch(file, key, value, "a bool", fault);
    *out = value->data[0] != 0;
    return STERNA_OK;
}

sterna_status sterna_gguf_string(const sterna_gguf *file, const char *key, sterna_gguf_text *out,
                                 sterna_fault *fault)
{
    const sterna_gguf_value *value;
    sterna_status status = require(file, key, &value, fault);
    if (status != STERNA_OK) return status;
    if (value->type != STERNA_GGUF_STRING) return mismatch(file, key, value, "a string", fault);
    *out = (sterna_gguf_text){(const char *)value->data, value->bytes};
    return STERNA_OK;
}

sterna_status sterna_gguf_array(const sterna_gguf *file, const char *key, sterna_gguf_type element,
                                const sterna_gguf_value **out, sterna_fault *fault)
{
    const sterna_gguf_value *value;
    char wanted[40];
    sterna_status status = require(file, key, &value, fault);
    if (status != STERNA_OK) return status;
    if (value->type != STERNA_GGUF_ARRAY || value->element != element) {
        snprintf(wanted, sizeof wanted, "an array of %s", sterna_gguf_type_name(element));
        return mismatch(file, key, value, wanted, fault);
    }
    *out = value;
    return STERNA_OK;
}

sterna_status sterna_gguf_string_array(sterna_gguf *file, const char *key, sterna_gguf_strings *out,
                                       sterna_fault *fault)
{
    const sterna_gguf_value *value = NULL;
    sterna_status status = sterna_gguf_array(file, key, STERNA_GGUF_STRING, &value, fault);
    if (status != STERNA_OK) return status;
    if (!file->string_start) file->string_start = sterna_alloc(file->n_values, sizeof *file->string_start);
    if (!file->string_start) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", file->label);
    uint64_t **start = &file->string_start[value - file->values];
    if (!*start) {
        uint64_t at = 0;
        *start = sterna_alloc(value->count, sizeof **start);
        if (!*start)
            return sterna_fail(fault, STERNA_MEMORY, "%s: key \"%s\": out of memory", file->label, key);
        for (uint64_t i = 0; i < value->count; i++) {
            (*start)[i] = at;
            at += 8 + sterna_gguf_load_u64(value->data + at);
        }
    }
    *out = (sterna_gguf_strings){value->data, *start, value->count};
    return STERNA_OK;
}

sterna_gguf_text sterna_gguf_string_at(const sterna_gguf_strings *strings, uint64_t index)
{
    const uint8_t *at = strings->data + strings->start[index];
    return (sterna_gguf_text){(const char *)at + 8, sterna_gguf_load_u64(at)};
}
