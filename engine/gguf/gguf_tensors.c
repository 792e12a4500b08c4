/* The tensor directory and where data lie: names, shapes, types, offsets, sizes.
 * Owns: everything behind the keys. Leaves to others: the values of tensors (formats/). */
#include "gguf/gguf_private.h"

bool sterna_gguf_tensor_bytes(const sterna_format *format, const uint64_t ne[STERNA_GGUF_MAX_DIMS],
                              uint64_t *bytes)
{
    uint64_t count = 1, limit = INT64_MAX, total;
    bool empty = false;
    /* Dimensions of zero do not excuse the others: the verdict must not depend on their order. */
    for (int d = 0; d < STERNA_GGUF_MAX_DIMS; d++) {
        empty = empty || ne[d] == 0;
        if (ne[d] > limit || !sterna_mul_u64(count, ne[d] ? ne[d] : 1, &count) || count > limit) return false;
    }
    if (ne[0] % format->values != 0) return false;
    /* Whole blocks, since ne[0] divides count. An empty row with a full shape beside it is measured as one
     * value. */
    uint64_t blocks = count / format->values + (count % format->values != 0);
    if (!sterna_mul_u64(blocks, format->bytes, &total) || total > limit) return false;
    *bytes = empty ? 0 : total;
    return true;
}

static sterna_status take_shape(sterna_gguf_cursor *cursor, sterna_gguf_tensor *tensor)
{
    uint64_t start = cursor->at;
    sterna_status status = sterna_gguf_take_u32(cursor, "its number of dimensions", &tensor->n_dims);
    if (status != STERNA_OK) return status;
    if (tensor->n_dims > STERNA_GGUF_MAX_DIMS)
        return sterna_gguf_bad(cursor, start, "it has %u dimensions; at most %d are allowed",
                               (unsigned)tensor->n_dims, STERNA_GGUF_MAX_DIMS);
    for (uint32_t d = 0; d < STERNA_GGUF_MAX_DIMS; d++) {
        tensor->ne[d] = 1;
        if (d >= tensor->n_dims) continue;
        start = cursor->at;
        status = sterna_gguf_take_u64(cursor, "its shape", &tensor->ne[d]);
        if (status != STERNA_OK) return status;
        if (tensor->ne[d] > INT64_MAX)
            return sterna_gguf_bad(cursor, start, "dimension %u is %llu, which is negative or too large",
                                   (unsigned)d, (unsigned long long)tensor->ne[d]);
    }
    return STERNA_OK;
}

static sterna_status take_format(sterna_gguf_cursor *cursor, sterna_gguf_tensor *tensor)
{
    uint32_t id;
    uint64_t start = cursor->at;
    sterna_status status = sterna_gguf_take_u32(cursor, "its type", &id);
    if (status != STERNA_OK) return status;
    tensor->format = sterna_format_find(id);
    if (!tensor->format)
        return sterna_gguf_bad(cursor, start, "its type %u is not supported: %s", (unsigned)id,
                               sterna_gguf_refused_type(id));
    if (tensor->ne[0] % tensor->format->values != 0)
        return sterna_gguf_bad(cursor, start, "rows of %llu values do not fill blocks of %u (%s)",
                               (unsigned long long)tensor->ne[0], (unsigned)tensor->format->values,
                               tensor->format->name);
    if (!sterna_gguf_tensor_bytes(tensor->format, tensor->ne, &tensor->bytes))
        return sterna_gguf_bad(cursor, start, "its shape %llu x %llu x %llu x %llu is too large",
                               (unsigned long long)tensor->ne[0], (unsigned long long)tensor->ne[1],
                               (unsigned long long)tensor->ne[2], (unsigned long long)tensor->ne[3]);
    return STERNA_OK;
}

/* ggml's rule: data stand in the order of the directory, each padded to the alignment, without gap or
 * overlap. `next` is where this tensor has to begin and becomes where the next one has to. */
static sterna_status take_offset(sterna_gguf_cursor *cursor, sterna_gguf_tensor *tensor, uint32_t alignment,
                                 uint64_t *next)
{
    uint64_t start = cursor->at, end;
    sterna_status status = sterna_gguf_take_u64(cursor, "its offset", &tensor->offset);
    if (status != STERNA_OK) return status;
    if (tensor->offset % alignment != 0)
        return sterna_gguf_bad(cursor, start, "its offset %llu is no multiple of the alignment %u",
                               (unsigned long long)tensor->offset, (unsigned)alignment);
    if (tensor->offset != *next)
        return sterna_gguf_bad(cursor, start, "its offset is %llu; the tensors before it end at %llu",
                               (unsigned long long)tensor->offset, (unsigned long long)*next);
    if (!sterna_add_u64(*next, tensor->bytes, &end) || !sterna_align_u64(end, alignment, &end) ||
        end > INT64_MAX)
        return sterna_gguf_bad(cursor, start, "with this tensor the data are larger than any file");
    *next = end;
    return STERNA_OK;
}

static sterna_status take_tensor(sterna_gguf_cursor *cursor, sterna_gguf_tensor *tensor, uint32_t alignment,
                                 uint64_t *next)
{
    sterna_status status = sterna_gguf_take_name(cursor, STERNA_GGUF_MAX_NAME);
    if (status != STERNA_OK) return status;
    tensor->name = cursor->name;
    status = take_shape(cursor, tensor);
    if (status == STERNA_OK) status = take_format(cursor, tensor);
    if (status == STERNA_OK) status = take_offset(cursor, tensor, alignment, next);
    return status;
}

/* From offsets in the data section to places in the file. As in ggml, the padding behind the last tensor is
 * there, too: a file that lacks it was cut. */
static sterna_status place_data(sterna_gguf *file, sterna_gguf_cursor *cursor, bool directory)
{
    for (uint64_t i = 0; i < file->n_tensors; i++) {
        sterna_gguf_tensor *tensor = &file->tensors[i];
        /* offset + bytes < 2^63 (take_offset), data_offset is little more than 2^62 at most. */
        tensor->offset += file->data_offset;
        uint64_t end = tensor->offset + tensor->bytes, padded = end;
        if (tensor->bytes == 0) {
            /* An empty tensor needs no place in the file. */
            tensor->data = cursor->data + (end < cursor->size ? end : cursor->size);
            continue;
        }
        tensor->data = end <= cursor->size ? cursor->data + tensor->offset : NULL;
        if (directory || (sterna_align_u64(end, file->alignment, &padded) && padded <= cursor->size))
            continue;
        cursor->name = tensor->name;
        return sterna_gguf_bad(
            cursor, tensor->offset,
            "the file ends within its data or their padding: it has %llu bytes, %llu are needed",
            (unsigned long long)cursor->size, (unsigned long long)padded);
    }
    return STERNA_OK;
}

sterna_status sterna_gguf_read_tensors(sterna_gguf *file, sterna_gguf_cursor *cursor, uint64_t count,
                                       bool directory)
{
    uint64_t capacity = 0, next = 0, first, second;
    cursor->kind = "tensor";
    for (uint64_t i = 0; i < count; i++) {
        void *records = file->tensors;
        sterna_status status = sterna_gguf_grow(cursor, &records, i, count, &capacity, sizeof *file->tensors);
        if (status != STERNA_OK) return status;
        file->tensors = records;
        cursor->number = i;
        status = take_tensor(cursor, &file->tensors[i], file->alignment, &next);
        if (status != STERNA_OK) return status;
        file->n_tensors = i + 1;
    }
    sterna_status status = sterna_gguf_index_build(&file->tensor_index, file->tensors, count,
                                                   sizeof *file->tensors, &first, &second);
    if (status == STERNA_MEMORY) return sterna_gguf_no_memory(cursor);
    if (status != STERNA_OK) {
        cursor->name = file->tensors[second].name;
        uint64_t at = (uint64_t)((const uint8_t *)cursor->name.data - cursor->data);
        return sterna_gguf_bad(cursor, at, "it is there twice, as number %llu and %llu",
                               (unsigned long long)first, (unsigned long long)second);
    }
    file->data_offset = cursor->at;
    if (count > 0 && !sterna_align_u64(cursor->at, file->alignment, &file->data_offset))
        return sterna_gguf_bad(cursor, cursor->at, "the data section would begin beyond any file");
    return place_data(file, cursor, directory);
}
