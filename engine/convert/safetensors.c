/* The SafeTensors reader. Owns: every check of the header. Leaves to others: JSON itself (hf_json.c). */
#include "convert/safetensors.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "convert/hf_json.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 100000000 };

struct sterna_safetensors {
    sterna_mapping mapping; /* data NULL: the bytes are borrowed */
    cJSON *header;
    sterna_st_tensor *tensors; /* sorted by name */
    uint32_t count;
};

static const struct {
    const char *name;
    uint32_t bytes;
} types[] = {
#define X(name, bytes) {#name, bytes},
    STERNA_SAFETENSORS_TYPES(X)
#undef X
};

const char *sterna_st_type_name(sterna_st_type type)
{
    return types[type].name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const sterna_st_tensor *)a)->name, ((const sterna_st_tensor *)b)->name);
}

static int by_place(const void *a, const void *b)
{
    const sterna_st_tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static sterna_status read_type(const char *path, const cJSON *entry, sterna_st_tensor *tensor,
                               sterna_fault *fault)
{
    const cJSON *value = sterna_hf_json_get(entry, "dtype");
    for (size_t i = 0; i < STERNA_COUNT(types); i++) {
        if (!sterna_hf_json_is(value, types[i].name)) continue;
        tensor->type = (sterna_st_type)i;
        return STERNA_OK;
    }
    if (!cJSON_IsString(value))
        return sterna_fail(fault, STERNA_FILE, "%s: tensor \"%.100s\" has no dtype", path, tensor->name);
    return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: tensor \"%.100s\" is of type %.20s, which is not read",
                       path, tensor->name, value->valuestring);
}

/* Shape and place; data_bytes is the size of the data section. */
static sterna_status read_place(const char *path, const cJSON *entry, const uint8_t *data,
                                uint64_t data_bytes, sterna_st_tensor *tensor, sterna_fault *fault)
{
    const cJSON *shape = sterna_hf_json_get(entry, "shape"),
                *offsets = sterna_hf_json_get(entry, "data_offsets"), *item;
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > STERNA_ST_MAX_DIMS)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: tensor \"%.100s\": the shape is no array of up to %d numbers", path,
                           tensor->name, STERNA_ST_MAX_DIMS);
    uint64_t bytes = types[tensor->type].bytes;
    cJSON_ArrayForEach(item, shape)
    {
        uint64_t *dimension = &tensor->shape[tensor->n_dims++];
        if (!sterna_hf_json_u64(item, UINT64_MAX, dimension) || !sterna_mul_u64(bytes, *dimension, &bytes))
            return sterna_fail(fault, STERNA_FILE, "%s: tensor \"%.100s\": dimension %u is out of range",
                               path, tensor->name, tensor->n_dims - 1);
    }
    uint64_t begin, end;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !sterna_hf_json_u64(cJSON_GetArrayItem(offsets, 0), data_bytes, &begin) ||
        !sterna_hf_json_u64(cJSON_GetArrayItem(offsets, 1), data_bytes, &end) || begin > end)
        return sterna_fail(
            fault, STERNA_FILE,
            "%s: tensor \"%.100s\": data_offsets are not [begin, end] within the %llu bytes of data", path,
            tensor->name, (unsigned long long)data_bytes);
    if (end - begin != bytes)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: tensor \"%.100s\" has %llu bytes of data, its shape needs %llu", path,
                           tensor->name, (unsigned long long)(end - begin), (unsigned long long)bytes);
    tensor->data = data + begin;
    tensor->bytes = bytes;
    return STERNA_OK;
}

static sterna_status read_tensors(sterna_safetensors *file, const char *path, const uint8_t *data,
                                  uint64_t data_bytes, sterna_fault *fault)
{
    const cJSON *entry;
    uint32_t room =
        (uint32_t)cJSON_GetArraySize(file->header); /* each takes several bytes of at most 100 MB */
    file->tensors = sterna_alloc(room, sizeof file->tensors[0]);
    if (!file->tensors) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    cJSON_ArrayForEach(entry, file->header)
    {
        if (strcmp(entry->string, "__metadata__") == 0) continue;
        sterna_st_tensor *tensor = &file->tensors[file->count++];
        tensor->name = entry->string;
        if (!cJSON_IsObject(entry))
            return sterna_fail(fault, STERNA_FILE, "%s: \"%.100s\" in the header is no object", path,
                               tensor->name);
        sterna_status status = read_type(path, entry, tensor, fault);
        if (status == STERNA_OK) status = read_place(path, entry, data, data_bytes, tensor, fault);
        if (status) return status;
    }
    /* In the order of their places, each begins where the one before ends. */
    const uint8_t *at = data;
    qsort(file->tensors, file->count, sizeof file->tensors[0], by_place);
    for (uint32_t i = 0; i < file->count; at += file->tensors[i++].bytes)
        if (file->tensors[i].data != at)
            return sterna_fail(fault, STERNA_FILE, "%s: tensor \"%.100s\" %s", path, file->tensors[i].name,
                               file->tensors[i].data < at ? "overlaps the one before"
                                                          : "leaves a gap before it");
    if (at != data + data_bytes)
        return sterna_fail(fault, STERNA_FILE, "%s: %llu bytes behind the last tensor", path,
                           (unsigned long long)(data + data_bytes - at));
    qsort(file->tensors, file->count, sizeof file->tensors[0], by_name);
    for (uint32_t i = 1; i < file->count; i++)
        if (by_name(&file->tensors[i - 1], &file->tensors[i]) == 0)
            return sterna_fail(fault, STERNA_FILE, "%s: tensor \"%.100s\" is there twice", path,
                               file->tensors[i].name);
    return STERNA_OK;
}

static sterna_status read_all(sterna_safetensors *file, const char *path, const uint8_t *bytes, uint64_t size,
                              sterna_fault *fault)
{
    uint64_t header = 0;
    for (uint32_t i = 0; size >= 8 && i < 8; i++) header |= (uint64_t)bytes[i] << 8 * i;
    if (size < 8 || header > size - 8 || header > MAX_HEADER)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: byte 0: a header of %llu bytes does not fit the file's %llu", path,
                           (unsigned long long)header, (unsigned long long)size);
    if (header == 0 || bytes[8] != '{')
        return sterna_fail(fault, STERNA_FILE, "%s: byte 8: the header does not begin with {", path);
    sterna_status status =
        sterna_hf_json_parse(path, (const char *)bytes + 8, (size_t)header, &file->header, fault);
    return status ? status : read_tensors(file, path, bytes + 8 + header, size - 8 - header, fault);
}

/* The file's bytes, mapped from `path` unless they are given. */
static sterna_status open_either(const char *path, const uint8_t *bytes, uint64_t size,
                                 sterna_safetensors **file, sterna_fault *fault)
{
    sterna_safetensors *opened = sterna_alloc(1, sizeof *opened);
    if (!opened) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    sterna_status status = STERNA_OK;
    if (!bytes) {
        status = sterna_sys_map(path, &opened->mapping, fault);
        bytes = opened->mapping.data;
        size = opened->mapping.size;
    }
    if (status == STERNA_OK) status = read_all(opened, path, bytes, size, fault);
    if (status) {
        sterna_safetensors_close(opened);
        return status;
    }
    *file = opened;
    return STERNA_OK;
}

sterna_status sterna_safetensors_open(const char *path, sterna_safetensors **file, sterna_fault *fault)
{
    return open_either(path, NULL, 0, file, fault);
}

sterna_status sterna_safetensors_open_memory(const void *data, uint64_t bytes, const char *label,
                                             sterna_safetensors **file, sterna_fault *fault)
{
    return open_either(label, data ? data : (const void *)"", bytes, file, fault);
}

void sterna_safetensors_close(sterna_safetensors *file)
{
    if (!file) return;
    sterna_free(file->tensors);
    sterna_hf_json_free(file->header);
    sterna_sys_unmap(&file->mapping);
    sterna_free(file);
}

const sterna_st_tensor *sterna_safetensors_all(const sterna_safetensors *file, uint32_t *count)
{
    *count = file->count;
    return file->tensors;
}

const sterna_st_tensor *sterna_safetensors_find(const sterna_safetensors *file, const char *name)
{
    sterna_st_tensor key = {.name = name};
    if (file->count == 0) return NULL;
    return bsearch(&key, file->tensors, file->count, sizeof key, by_name);
}
