/* `sterna inspect FILE`: a GGUF file in words. Owns: what is shown and how much of it. Leaves to others:
 * reading and judging the file (gguf/). */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/say.h"
#include "gguf/gguf.h"
#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_ELEMENTS = 6 };

/* The i-th element of a scalar or of an array of fixed-size elements, as text; false for a number that is
 * neither an integer nor within F32. */
static bool number_text(const sterna_gguf_value *value, uint64_t i, char text[48])
{
    int64_t integer;
    uint64_t word;
    float real;
    if (value->element == STERNA_GGUF_BOOL)
        snprintf(text, 48, "%s", value->data[i] ? "true" : "false");
    else if (sterna_gguf_as_i64(value, i, &integer))
        snprintf(text, 48, "%" PRId64, integer);
    else if (sterna_gguf_as_u64(value, i, &word))
        snprintf(text, 48, "%" PRIu64, word);
    else if (sterna_gguf_as_f32(value, i, &real))
        snprintf(text, 48, "%.9g", (double)real);
    else
        return false;
    return true;
}

/* Walks the strings of an array: *at moves over one. Lengths were checked when the file was opened. */
static sterna_gguf_text next_string(const uint8_t **at)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < 8; i++) length |= (uint64_t)(*at)[i] << (8 * i);
    sterna_gguf_text text = {(const char *)*at + 8, length};
    *at += 8 + length;
    return text;
}

static void print_element(sterna_out *out, const sterna_gguf_value *value, uint64_t i, const uint8_t **at)
{
    char text[48], quoted[STERNA_GGUF_QUOTE];
    if (value->element == STERNA_GGUF_STRING) {
        sterna_out_text(out, sterna_gguf_quote(next_string(at), quoted));
    } else {
        sterna_out_text(out, number_text(value, i, text) ? text : "?");
    }
}

static void print_value(sterna_out *out, const sterna_gguf_value *value, bool whole)
{
    char quoted[STERNA_GGUF_QUOTE];
    const uint8_t *at = value->data;
    if (value->type == STERNA_GGUF_STRING) {
        sterna_gguf_text text = {(const char *)value->data, value->bytes};
        sterna_out_text(out, sterna_gguf_quote(text, quoted));
    } else if (value->type != STERNA_GGUF_ARRAY) {
        print_element(out, value, 0, &at);
    } else {
        uint64_t shown = whole || value->count <= SHOWN_ELEMENTS ? value->count : SHOWN_ELEMENTS;
        if (value->element == STERNA_GGUF_ARRAY) shown = 0;
        sterna_out_print(out, "%" PRIu64 " x %s [", value->count, sterna_gguf_type_name(value->element));
        for (uint64_t i = 0; i < shown && out->status == STERNA_OK; i++) {
            if (i) sterna_out_text(out, ", ");
            print_element(out, value, i, &at);
        }
        sterna_out_text(out, shown < value->count ? ", ...]" : "]");
    }
}

static void print_keys(sterna_out *out, const sterna_gguf *file, bool whole)
{
    uint64_t count;
    const sterna_gguf_value *values = sterna_gguf_values(file, &count);
    sterna_out_print(out, "\nkeys: %" PRIu64 "\n", count);
    for (uint64_t i = 0; i < count && out->status == STERNA_OK; i++) {
        sterna_out_text(out, "  ");
        sterna_out_write(out, values[i].key.data, values[i].key.length);
        sterna_out_print(out, " (%s) = ", sterna_gguf_type_name(values[i].type));
        print_value(out, &values[i], whole);
        sterna_out_text(out, "\n");
    }
}

static void print_tensors(sterna_out *out, const sterna_gguf *file)
{
    uint64_t count;
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    sterna_out_print(out, "\ntensors: %" PRIu64 "\n  %-40s %-8s %-24s %14s %14s\n", count, "name", "type",
                     "shape", "bytes", "offset");
    for (uint64_t i = 0; i < count && out->status == STERNA_OK; i++) {
        const sterna_gguf_tensor *tensor = &tensors[i];
        char shape[100];
        int used = snprintf(shape, sizeof shape, "%" PRIu64, tensor->ne[0]);
        for (uint32_t d = 1; d < tensor->n_dims; d++)
            used += snprintf(shape + used, sizeof shape - (size_t)used, " x %" PRIu64, tensor->ne[d]);
        sterna_out_print(out, "  %-40.*s %-8s %-24s %14" PRIu64 " %14" PRIu64 "\n", (int)tensor->name.length,
                         tensor->name.data, tensor->format->name, shape, tensor->bytes, tensor->offset);
    }
}

static uint64_t tensor_bytes(const sterna_gguf *file)
{
    uint64_t count, sum = 0;
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    for (uint64_t i = 0; i < count; i++) sum += tensors[i].bytes;
    return sum;
}

static void json_element(sterna_json *json, cJSON *into, const char *key, const sterna_gguf_value *value,
                         uint64_t i, const uint8_t **at)
{
    char text[48];
    float real;
    if (value->element == STERNA_GGUF_STRING) {
        sterna_gguf_text string = next_string(at);
        sterna_json_text(json, into, key, string.data, string.length);
    } else if (sterna_gguf_as_f32(value, i, &real)) {
        sterna_json_real(json, into, key, (double)real);
    } else { /* integers and booleans are spelled alike in JSON */
        sterna_json_put(json, into, key,
                        number_text(value, i, text) ? cJSON_CreateRaw(text) : cJSON_CreateNull());
    }
}

static void json_keys(sterna_json *json, const sterna_gguf *file, bool whole)
{
    uint64_t count;
    const sterna_gguf_value *values = sterna_gguf_values(file, &count);
    cJSON *keys = sterna_json_array(json, json->root, "keys");
    for (uint64_t i = 0; i < count && !json->failed; i++) {
        const sterna_gguf_value *value = &values[i];
        const uint8_t *at = value->data;
        cJSON *key = sterna_json_object(json, keys, NULL);
        sterna_json_text(json, key, "key", value->key.data, value->key.length);
        sterna_json_string(json, key, "type", sterna_gguf_type_name(value->type));
        if (value->type == STERNA_GGUF_STRING) {
            sterna_json_text(json, key, "value", (const char *)value->data, value->bytes);
        } else if (value->type != STERNA_GGUF_ARRAY) {
            json_element(json, key, "value", value, 0, &at);
        } else {
            uint64_t shown = whole || value->count <= SHOWN_ELEMENTS ? value->count : SHOWN_ELEMENTS;
            if (value->element == STERNA_GGUF_ARRAY) shown = 0;
            sterna_json_string(json, key, "element", sterna_gguf_type_name(value->element));
            sterna_json_u64(json, key, "count", value->count);
            cJSON *array = sterna_json_array(json, key, "value");
            for (uint64_t k = 0; k < shown && !json->failed; k++)
                json_element(json, array, NULL, value, k, &at);
            sterna_json_bool(json, key, "whole", shown == value->count);
        }
    }
}

static void json_tensors(sterna_json *json, const sterna_gguf *file)
{
    uint64_t count;
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    cJSON *array = sterna_json_array(json, json->root, "tensors");
    for (uint64_t i = 0; i < count && !json->failed; i++) {
        cJSON *tensor = sterna_json_object(json, array, NULL);
        sterna_json_text(json, tensor, "name", tensors[i].name.data, tensors[i].name.length);
        sterna_json_string(json, tensor, "type", tensors[i].format->name);
        cJSON *shape = sterna_json_array(json, tensor, "shape");
        for (uint32_t d = 0; d < tensors[i].n_dims; d++) sterna_json_u64(json, shape, NULL, tensors[i].ne[d]);
        sterna_json_u64(json, tensor, "bytes", tensors[i].bytes);
        sterna_json_u64(json, tensor, "offset", tensors[i].offset);
    }
}

static void print_header(sterna_out *out, const sterna_gguf *file)
{
    char size[STERNA_SAY_BYTES_MAX], weights[STERNA_SAY_BYTES_MAX];
    uint64_t bytes = sterna_gguf_mapping(file)->size;
    sterna_out_text(out, sterna_gguf_label(file));
    sterna_out_print(
        out, "\nGGUF version %u, %s (%" PRIu64 " bytes), tensors %s, data at %" PRIu64 ", alignment %u\n",
        sterna_gguf_version(file), sterna_say_bytes(bytes, size), bytes,
        sterna_say_bytes(tensor_bytes(file), weights), sterna_gguf_data_offset(file),
        sterna_gguf_alignment(file));
}

sterna_status sterna_cmd_inspect(const sterna_cli *cli, sterna_fault *fault)
{
    const char *path = cli->options->arguments[0];
    bool keys = !sterna_option_flag(cli->options, STERNA_OPT_no_keys);
    bool tensors = !sterna_option_flag(cli->options, STERNA_OPT_no_tensors);
    bool whole = sterna_option_flag(cli->options, STERNA_OPT_whole_arrays);
    bool standard_input = path[0] == '-' && !path[1];
    sterna_gguf *file = NULL;
    sterna_status status =
        sterna_gguf_open(path, standard_input ? STERNA_GGUF_READ : STERNA_GGUF_MAP, &file, fault);
    if (status != STERNA_OK) return status;
    if (sterna_option_flag(cli->options, STERNA_OPT_json)) {
        sterna_json json;
        sterna_json_begin(&json, "inspect");
        sterna_json_string(&json, json.root, "path", path);
        sterna_json_u64(&json, json.root, "gguf_version", sterna_gguf_version(file));
        sterna_json_u64(&json, json.root, "bytes", sterna_gguf_mapping(file)->size);
        sterna_json_u64(&json, json.root, "tensor_bytes", tensor_bytes(file));
        sterna_json_u64(&json, json.root, "alignment", sterna_gguf_alignment(file));
        sterna_json_u64(&json, json.root, "data_offset", sterna_gguf_data_offset(file));
        if (keys) json_keys(&json, file, whole);
        if (tensors) json_tensors(&json, file);
        status = sterna_json_print(&json, cli->out, fault);
    } else {
        print_header(cli->out, file);
        if (keys) print_keys(cli->out, file, whole);
        if (tensors) print_tensors(cli->out, file);
    }
    sterna_gguf_close(file);
    return status;
}
