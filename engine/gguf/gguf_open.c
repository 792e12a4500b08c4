/* Opening and closing: where the bytes come from, and the header.
 * Owns: the life of a sterna_gguf. Leaves to others: keys (gguf_values.c), tensors (gguf_tensors.c). */
#include "gguf/gguf_private.h"

static sterna_status read_header(sterna_gguf *file, sterna_gguf_cursor *cursor, uint64_t *n_tensors,
                                 uint64_t *n_values)
{
    const uint8_t *magic;
    sterna_status status = sterna_gguf_take(cursor, 4, "the magic number", &magic);
    if (status != STERNA_OK) return status;
    if (memcmp(magic, "GGUF", 4) != 0)
        return sterna_gguf_bad(cursor, 0,
                               "not a GGUF file: it begins with %02x %02x %02x %02x, not with \"GGUF\"",
                               magic[0], magic[1], magic[2], magic[3]);
    status = sterna_gguf_take_u32(cursor, "the version", &file->version);
    if (status != STERNA_OK) return status;
    if (file->version != 0 && (file->version & 0xFFFFu) == 0)
        return sterna_gguf_bad(cursor, 4, "the file is big-endian; convert it to little-endian");
    if (file->version != 2 && file->version != 3)
        return sterna_gguf_bad(cursor, 4, "GGUF version %u is not supported, only 2 and 3%s",
                               (unsigned)file->version,
                               file->version == 1 ? "; convert the model again" : "");
    status = sterna_gguf_take_u64(cursor, "the number of tensors", n_tensors);
    if (status == STERNA_OK) status = sterna_gguf_take_u64(cursor, "the number of keys", n_values);
    if (status != STERNA_OK) return status;
    /* The least that a key takes: length, one byte, type, one byte; a tensor: length, one byte, dimensions,
     * type, offset. */
    uint64_t left = cursor->size - cursor->at;
    if (*n_values > STERNA_GGUF_MAX_COUNT || *n_values > left / 14)
        return sterna_gguf_bad(cursor, 16, "%llu keys do not fit into the %llu bytes that follow",
                               (unsigned long long)*n_values, (unsigned long long)left);
    if (*n_tensors > STERNA_GGUF_MAX_COUNT || *n_tensors > left / 25)
        return sterna_gguf_bad(cursor, 8, "%llu tensors do not fit into the %llu bytes that follow",
                               (unsigned long long)*n_tensors, (unsigned long long)left);
    return STERNA_OK;
}

static sterna_status read_file(sterna_gguf *file, uint32_t flags, sterna_fault *fault)
{
    sterna_gguf_cursor cursor = {
        .data = file->mapping.data, .size = file->mapping.size, .label = file->label, .fault = fault};
    uint64_t n_tensors, n_values;
    sterna_status status = read_header(file, &cursor, &n_tensors, &n_values);
    if (status == STERNA_OK) status = sterna_gguf_read_values(file, &cursor, n_values);
    if (status == STERNA_OK)
        status = sterna_gguf_read_tensors(file, &cursor, n_tensors, (flags & STERNA_GGUF_DIRECTORY) != 0);
    return status;
}

/* Takes the mapping over when it owns it, also on failure. */
static sterna_status open_mapping(sterna_mapping mapping, bool owned, const char *label, uint32_t flags,
                                  sterna_gguf **out, sterna_fault *fault)
{
    sterna_gguf *file = sterna_alloc(1, sizeof *file);
    if (!file) {
        if (owned) sterna_sys_unmap(&mapping);
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", label);
    }
    file->mapping = mapping;
    file->owns_mapping = owned;
    file->label = sterna_strndup(label, strlen(label));
    sterna_status status = file->label ? read_file(file, flags, fault)
                                       : sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", label);
    if (status != STERNA_OK) {
        sterna_gguf_close(file);
        return status;
    }
    *out = file;
    return STERNA_OK;
}

sterna_status sterna_gguf_open(const char *path, uint32_t flags, sterna_gguf **file, sterna_fault *fault)
{
    sterna_mapping mapping = {0};
    sterna_status status = flags & STERNA_GGUF_READ
                               ? sterna_sys_read(path, STERNA_GGUF_MAX_BYTES, &mapping, fault)
                               : sterna_sys_map(path, &mapping, fault);
    return status == STERNA_OK ? open_mapping(mapping, true, path, flags, file, fault) : status;
}

sterna_status sterna_gguf_open_memory(const void *data, uint64_t bytes, const char *label, uint32_t flags,
                                      sterna_gguf **file, sterna_fault *fault)
{
    if (bytes > STERNA_GGUF_MAX_BYTES)
        return sterna_fail(fault, STERNA_USAGE, "%s: %llu bytes are more than memory holds", label,
                           (unsigned long long)bytes);
    return open_mapping((sterna_mapping){data, bytes, false}, false, label, flags, file, fault);
}

void sterna_gguf_close(sterna_gguf *file)
{
    if (!file) return;
    if (file->string_start)
        for (uint64_t i = 0; i < file->n_values; i++) sterna_free(file->string_start[i]);
    sterna_free(file->string_start);
    sterna_gguf_index_free(&file->value_index);
    sterna_gguf_index_free(&file->tensor_index);
    sterna_free(file->values);
    sterna_free(file->tensors);
    if (file->owns_mapping) sterna_sys_unmap(&file->mapping);
    sterna_free(file->label);
    sterna_free(file);
}

const char *sterna_gguf_label(const sterna_gguf *file)
{
    return file->label;
}

uint32_t sterna_gguf_version(const sterna_gguf *file)
{
    return file->version;
}

uint32_t sterna_gguf_alignment(const sterna_gguf *file)
{
    return file->alignment;
}

uint64_t sterna_gguf_data_offset(const sterna_gguf *file)
{
    return file->data_offset;
}

const sterna_mapping *sterna_gguf_mapping(const sterna_gguf *file)
{
    return &file->mapping;
}

const sterna_gguf_tensor *sterna_gguf_tensors(const sterna_gguf *file, uint64_t *count)
{
    *count = file->n_tensors;
    return file->tensors;
}

const sterna_gguf_tensor *sterna_gguf_tensor_named(const sterna_gguf *file, const char *name)
{
    sterna_gguf_text text = {name, strlen(name)};
    return sterna_gguf_index_find(&file->tensor_index, file->tensors, sizeof *file->tensors, text);
}
