/* Writing GGUF files: keys and tensors are gathered, checked by the reader, then written in one pass.
 * Owns: the layout of what is written. Leaves to others: the file that appears whole or not at all
 * (base/sys). */
#include "gguf/gguf_private.h"

/* Bytes that grow. */
typedef struct byte_list {
    uint8_t *data;
    uint64_t size, capacity;
} byte_list;

typedef struct pending_tensor {
    char *name;
    uint64_t name_length;
    const sterna_format *format;
    uint32_t n_dims;
    uint64_t ne[STERNA_GGUF_MAX_DIMS];
    sterna_gguf_fill *fill;
    void *context;
} pending_tensor;

struct sterna_gguf_writer {
    sterna_fault fault; /* the first failure of a put */
    byte_list values;
    uint64_t n_values;
    pending_tensor *tensors;
    uint64_t n_tensors, capacity;
    uint32_t alignment;
};

enum { BUFFER = 65536 };

/* One tensor's share of the output, behind a buffer that small writes gather in. */
struct sterna_gguf_sink {
    sterna_writer *file;
    uint8_t *buffer;
    uint64_t used;
    const sterna_gguf_tensor *tensor; /* NULL: the directory, or padding */
    uint64_t left;                    /* bytes of the tensor still to come */
};

static void refuse_memory(sterna_gguf_writer *writer)
{
    sterna_fail(&writer->fault, STERNA_MEMORY, "out of memory while gathering the directory of a GGUF file");
}

static bool append(byte_list *list, const void *data, uint64_t bytes)
{
    uint64_t wanted;
    if (!sterna_add_u64(list->size, bytes, &wanted) || wanted > INT64_MAX) return false;
    if (wanted > list->capacity) {
        uint64_t capacity = wanted < 4096 ? 4096 : sterna_sat_mul(wanted, 2);
        uint8_t *bigger = sterna_realloc(list->data, capacity, 1);
        if (!bigger) return false;
        list->data = bigger;
        list->capacity = capacity;
    }
    if (bytes > 0) memcpy(list->data + list->size, data, bytes);
    list->size = wanted;
    return true;
}

static bool append_u32(byte_list *list, uint32_t value)
{
    return append(list, &value, sizeof value);
}
static bool append_u64(byte_list *list, uint64_t value)
{
    return append(list, &value, sizeof value);
}

static bool append_text(byte_list *list, const char *data, uint64_t length)
{
    return append_u64(list, length) && append(list, data, length);
}

sterna_status sterna_gguf_writer_create(sterna_gguf_writer **out, sterna_fault *fault)
{
    sterna_gguf_writer *writer = sterna_alloc(1, sizeof *writer);
    if (!writer) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a GGUF writer");
    writer->alignment = STERNA_GGUF_DEFAULT_ALIGNMENT;
    *out = writer;
    return STERNA_OK;
}

void sterna_gguf_writer_destroy(sterna_gguf_writer *writer)
{
    if (!writer) return;
    for (uint64_t i = 0; i < writer->n_tensors; i++) sterna_free(writer->tensors[i].name);
    sterna_free(writer->tensors);
    sterna_free(writer->values.data);
    sterna_free(writer);
}

/* ---- Keys ---- */

/* Key and type; the caller appends the value. */
static bool begin_value(sterna_gguf_writer *writer, sterna_gguf_text key, sterna_gguf_type type)
{
    writer->n_values++;
    return append_text(&writer->values, key.data, key.length) && append_u32(&writer->values, type);
}

static void put_scalar(sterna_gguf_writer *writer, const char *key, sterna_gguf_type type, const void *value)
{
    sterna_gguf_text name = {key, strlen(key)};
    if (!begin_value(writer, name, type) || !append(&writer->values, value, sterna_gguf_element_bytes(type)))
        refuse_memory(writer);
    if (type == STERNA_GGUF_U32 && sterna_gguf_same(name, "general.alignment"))
        memcpy(&writer->alignment, value, sizeof writer->alignment);
}

#define PUT(stem, c_type, type)                                                                              \
    void sterna_gguf_put_##stem(sterna_gguf_writer *writer, const char *key, c_type value)                   \
    {                                                                                                        \
        put_scalar(writer, key, STERNA_GGUF_##type, &value);                                                 \
    }
PUT(u8, uint8_t, U8)
PUT(i8, int8_t, I8)
PUT(u16, uint16_t, U16)
PUT(i16, int16_t, I16)
PUT(u32, uint32_t, U32)
PUT(i32, int32_t, I32)
PUT(u64, uint64_t, U64)
PUT(i64, int64_t, I64)
PUT(f32, float, F32)
PUT(f64, double, F64)

void sterna_gguf_put_bool(sterna_gguf_writer *writer, const char *key, bool value)
{
    uint8_t byte = value;
    put_scalar(writer, key, STERNA_GGUF_BOOL, &byte);
}

static bool put_text(sterna_gguf_writer *writer, sterna_gguf_text key, const char *data, uint64_t length)
{
    return begin_value(writer, key, STERNA_GGUF_STRING) && append_text(&writer->values, data, length);
}

void sterna_gguf_put_string(sterna_gguf_writer *writer, const char *key, const char *data, uint64_t length)
{
    if (!put_text(writer, (sterna_gguf_text){key, strlen(key)}, data, length)) refuse_memory(writer);
}

static bool begin_array(sterna_gguf_writer *writer, sterna_gguf_text key, sterna_gguf_type element,
                        uint64_t count)
{
    return begin_value(writer, key, STERNA_GGUF_ARRAY) && append_u32(&writer->values, element) &&
           append_u64(&writer->values, count);
}

void sterna_gguf_put_array(sterna_gguf_writer *writer, const char *key, sterna_gguf_type element,
                           const void *data, uint64_t count)
{
    uint32_t bytes = sterna_gguf_element_bytes(element);
    if (bytes == 0)
        sterna_fail(&writer->fault, STERNA_USAGE, "key \"%s\": an array of %s is not packed", key,
                    sterna_gguf_type_name(element));
    else if (!begin_array(writer, (sterna_gguf_text){key, strlen(key)}, element, count) ||
             !append(&writer->values, data, sterna_sat_mul(count, bytes)))
        refuse_memory(writer);
}

void sterna_gguf_put_strings(sterna_gguf_writer *writer, const char *key, const sterna_gguf_text *strings,
                             uint64_t count)
{
    bool ok = begin_array(writer, (sterna_gguf_text){key, strlen(key)}, STERNA_GGUF_STRING, count);
    for (uint64_t i = 0; ok && i < count; i++)
        ok = append_text(&writer->values, strings[i].data, strings[i].length);
    if (!ok) refuse_memory(writer);
}

void sterna_gguf_put_value(sterna_gguf_writer *writer, const sterna_gguf_value *value)
{
    bool ok;
    if (value->type == STERNA_GGUF_ARRAY)
        ok = begin_array(writer, value->key, value->element, value->count) &&
             append(&writer->values, value->data, value->bytes);
    else if (value->type == STERNA_GGUF_STRING)
        ok = put_text(writer, value->key, (const char *)value->data, value->bytes);
    else
        ok = begin_value(writer, value->key, value->type) &&
             append(&writer->values, value->data, value->bytes);
    if (!ok) refuse_memory(writer);
    if (value->type == STERNA_GGUF_U32 && sterna_gguf_same(value->key, "general.alignment"))
        writer->alignment = sterna_gguf_load_u32(value->data);
}

/* ---- Tensors ---- */

static bool grow_tensors(sterna_gguf_writer *writer)
{
    if (writer->n_tensors < writer->capacity) return true;
    uint64_t capacity = writer->capacity ? writer->capacity * 2 : 64;
    pending_tensor *bigger = sterna_realloc(writer->tensors, capacity, sizeof *bigger);
    if (!bigger) return false;
    writer->tensors = bigger;
    writer->capacity = capacity;
    return true;
}

void sterna_gguf_put_tensor(sterna_gguf_writer *writer, const char *name, const sterna_format *format,
                            uint32_t n_dims, const uint64_t *ne, sterna_gguf_fill *fill, void *context)
{
    pending_tensor tensor = {
        .format = format, .n_dims = n_dims, .ne = {1, 1, 1, 1}, .fill = fill, .context = context};
    if (!format || n_dims > STERNA_GGUF_MAX_DIMS) {
        sterna_fail(&writer->fault, STERNA_USAGE, "tensor \"%s\": %s", name,
                    format ? "more than 4 dimensions" : "no format");
        return;
    }
    for (uint32_t d = 0; d < n_dims; d++) tensor.ne[d] = ne[d];
    tensor.name_length = strlen(name);
    tensor.name = sterna_strndup(name, tensor.name_length);
    if (!tensor.name || !grow_tensors(writer)) {
        sterna_free(tensor.name);
        refuse_memory(writer);
        return;
    }
    writer->tensors[writer->n_tensors++] = tensor;
}

/* ---- Finishing ---- */

static bool append_directory(const sterna_gguf_writer *writer, byte_list *out)
{
    uint64_t offset = 0;
    bool ok = append(out, "GGUF", 4) && append_u32(out, 3) && append_u64(out, writer->n_tensors) &&
              append_u64(out, writer->n_values) && append(out, writer->values.data, writer->values.size);
    for (uint64_t i = 0; ok && i < writer->n_tensors; i++) {
        const pending_tensor *tensor = &writer->tensors[i];
        uint64_t bytes = 0;
        ok = append_text(out, tensor->name, tensor->name_length) && append_u32(out, tensor->n_dims);
        for (uint32_t d = 0; ok && d < tensor->n_dims; d++) ok = append_u64(out, tensor->ne[d]);
        ok = ok && append_u32(out, tensor->format->id) && append_u64(out, offset);
        /* A shape or an alignment that breaks the rules is reported by the reader, at this tensor or key. */
        if (!sterna_gguf_tensor_bytes(tensor->format, tensor->ne, &bytes)) bytes = 0;
        offset = sterna_sat_add(offset, bytes);
        if (!sterna_is_pow2(writer->alignment) || !sterna_align_u64(offset, writer->alignment, &offset))
            offset = 0;
    }
    return ok;
}

static sterna_status flush(struct sterna_gguf_sink *sink, sterna_fault *fault)
{
    uint64_t bytes = sink->used;
    sink->used = 0;
    return bytes ? sterna_writer_write(sink->file, sink->buffer, bytes, fault) : STERNA_OK;
}

static sterna_status emit(struct sterna_gguf_sink *sink, const void *data, uint64_t bytes,
                          sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    if (bytes > BUFFER - sink->used) status = flush(sink, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    if (bytes > BUFFER) return sterna_writer_write(sink->file, data, bytes, fault);
    memcpy(sink->buffer + sink->used, data, bytes);
    sink->used += bytes;
    return STERNA_OK;
}

static sterna_status pad_to(struct sterna_gguf_sink *sink, uint64_t offset, sterna_fault *fault)
{
    static const uint8_t zeros[4096];
    sterna_status status = STERNA_OK;
    uint64_t at = sterna_writer_offset(sink->file) + sink->used;
    while (status == STERNA_OK && at < offset) {
        uint64_t bytes = offset - at < sizeof zeros ? offset - at : sizeof zeros;
        status = emit(sink, zeros, bytes, fault);
        at += bytes;
    }
    return status;
}

sterna_status sterna_gguf_sink_write(sterna_gguf_sink *sink, const void *data, uint64_t bytes,
                                     sterna_fault *fault)
{
    char quoted[STERNA_GGUF_QUOTE];
    if (bytes > sink->left)
        return sterna_fail(
            fault, STERNA_USAGE, "tensor %s: more data are given than the %llu bytes of its shape",
            sterna_gguf_quote(sink->tensor->name, quoted), (unsigned long long)sink->tensor->bytes);
    sink->left -= bytes;
    return emit(sink, data, bytes, fault);
}

static sterna_status write_tensor(struct sterna_gguf_sink *sink, const pending_tensor *pending,
                                  const sterna_gguf_tensor *tensor, uint32_t alignment, sterna_fault *fault)
{
    char quoted[STERNA_GGUF_QUOTE];
    uint64_t end = 0;
    sterna_status status = pad_to(sink, tensor->offset, fault);
    if (status != STERNA_OK) return status;
    sink->tensor = tensor;
    sink->left = tensor->bytes;
    status = pending->fill ? pending->fill(pending->context, sink, fault)
                           : sterna_gguf_sink_write(sink, pending->context, tensor->bytes, fault);
    if (status != STERNA_OK) return status;
    if (sink->left != 0)
        return sterna_fail(fault, STERNA_USAGE, "tensor %s: %llu of its %llu bytes were not given",
                           sterna_gguf_quote(tensor->name, quoted), (unsigned long long)sink->left,
                           (unsigned long long)tensor->bytes);
    if (!sterna_align_u64(tensor->offset + tensor->bytes, alignment, &end)) return STERNA_INTERNAL;
    return pad_to(sink, end, fault);
}

static sterna_status write_file(const sterna_gguf_writer *writer, const sterna_gguf *directory,
                                sterna_writer *file, sterna_fault *fault)
{
    struct sterna_gguf_sink sink = {.file = file, .buffer = sterna_alloc(BUFFER, 1)};
    if (!sink.buffer) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", directory->label);
    sterna_status status = emit(&sink, directory->mapping.data, directory->mapping.size, fault);
    for (uint64_t i = 0; status == STERNA_OK && i < writer->n_tensors; i++)
        status =
            write_tensor(&sink, &writer->tensors[i], &directory->tensors[i], directory->alignment, fault);
    if (status == STERNA_OK) status = flush(&sink, fault);
    sterna_free(sink.buffer);
    return status;
}

sterna_status sterna_gguf_writer_finish(sterna_gguf_writer *writer, const char *path, sterna_fault *fault)
{
    byte_list bytes = {0};
    sterna_gguf *directory = NULL;
    sterna_writer *file = NULL;
    if (writer->fault.status != STERNA_OK)
        return sterna_fail(fault, writer->fault.status, "%s: %s", path, writer->fault.text);
    sterna_status status =
        append_directory(writer, &bytes)
            ? STERNA_OK
            : sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for its directory", path);
    if (status == STERNA_OK)
        status =
            sterna_gguf_open_memory(bytes.data, bytes.size, path, STERNA_GGUF_DIRECTORY, &directory, fault);
    if (status == STERNA_OK) status = sterna_writer_open(path, &file, fault);
    if (status == STERNA_OK) status = write_file(writer, directory, file, fault);
    if (status == STERNA_OK)
        status = sterna_writer_commit(file, fault);
    else
        sterna_writer_abandon(file);
    sterna_gguf_close(directory);
    sterna_free(bytes.data);
    return status;
}
