/* The bench's table as Markdown (llama-bench's columns and ours), CSV, and part of a JSON object. */
#include "base/hash.h"
#include "cli/json.h"
#include "cli/say.h"
#include "cli/speed.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *kind_name(const sterna_speed_test *test)
{
    return test->kind == STERNA_SPEED_PP ? "pp" : "tg";
}

double sterna_speed_share(const sterna_speed *bench, const sterna_speed_test *test)
{
    if (test->kind == STERNA_SPEED_TG)
        return bench->read_bytes_per_second > 0
                   ? test->median * test->bytes_per_token / bench->read_bytes_per_second
                   : 0;
    return bench->int8_ops_per_second > 0 ? test->median * test->ops_per_token / bench->int8_ops_per_second
                                          : 0;
}

static void print_md(const sterna_speed *b, sterna_out *out)
{
    char size[STERNA_SAY_BYTES_MAX], model[64];
    snprintf(model, sizeof model, "%.40s %s", b->model.architecture, b->type);
    sterna_say_bytes(b->model.tensor_bytes, size);
    sterna_out_text(out, "| model | size | params | backend | threads | test | t/s | median | of limit |\n"
                         "| ----- | ---: | -----: | ------- | ------: | ---: | --: | -----: | -------: |\n");
    for (uint32_t i = 0; i < b->n_tests; i++) {
        const sterna_speed_test *test = &b->tests[i];
        double share = sterna_speed_share(b, test);
        char limit[48] = "";
        if (share > 0)
            snprintf(limit, sizeof limit, "%.0f %% of %s", 100 * share,
                     test->kind == STERNA_SPEED_TG ? "read bandwidth" : "int8 peak");
        sterna_out_print(out, "| %s | %s | %.2f M | %s | %u | %s%u | %.2f ± %.2f | %.2f | %s |\n", model,
                         size, (double)b->model.parameters / 1e6, b->device, b->threads, kind_name(test),
                         test->n, test->rate, test->deviation, test->median, limit);
    }
    bool cached = false;
    for (uint32_t i = 0; i < b->n_tests; i++) cached |= sterna_speed_share(b, &b->tests[i]) > 1;
    if (b->read_bytes_per_second > 0)
        sterna_out_print(out,
                         "\nmeasured here with %u threads: read bandwidth %.1f GB/s, int8 peak %.1f Gop/s\n",
                         b->threads, b->read_bytes_per_second / 1e9, b->int8_ops_per_second / 1e9);
    if (cached) sterna_out_text(out, "more than 100 %: the weights fit the processor's caches\n");
}

/* A field in quotes: quotes inside are doubled (RFC 4180). */
static void print_field(sterna_out *out, const char *text)
{
    sterna_out_text(out, "\"");
    for (; *text; text++) {
        if (*text == '"') sterna_out_text(out, "\"");
        sterna_out_write(out, text, 1);
    }
    sterna_out_text(out, "\"");
}

static void print_csv(const sterna_speed *b, sterna_out *out)
{
    sterna_out_text(
        out, "path,architecture,type,tensor_bytes,parameters,device,threads,n_batch,kv_type,test,n,reps,"
             "mean_ts,stddev_ts,median_ts,bytes_per_token,ops_per_token,read_bytes_per_second,"
             "int8_ops_per_second,share_of_limit,logits_sha256\n");
    for (uint32_t i = 0; i < b->n_tests; i++) {
        const sterna_speed_test *test = &b->tests[i];
        char hash[2 * STERNA_HASH_BYTES + 1];
        sterna_hash_hex(test->hash, hash);
        print_field(out, b->path);
        sterna_out_text(out, ",");
        print_field(out, b->model.architecture);
        sterna_out_print(out, ",%s,%llu,%llu,", b->type, (unsigned long long)b->model.tensor_bytes,
                         (unsigned long long)b->model.parameters);
        print_field(out, b->device);
        sterna_out_print(out, ",%u,%u,%s,%s,%u,%u,%.6g,%.6g,%.6g,%.9g,%.9g,%.6g,%.6g,%.4g,%s\n", b->threads,
                         b->n_batch, b->kv_type, kind_name(test), test->n, test->reps, test->rate,
                         test->deviation, test->median, test->bytes_per_token, test->ops_per_token,
                         b->read_bytes_per_second, b->int8_ops_per_second, sterna_speed_share(b, test), hash);
    }
}

static void json_test(sterna_json *json, cJSON *tests, const sterna_speed *b, const sterna_speed_test *test)
{
    cJSON *object = sterna_json_object(json, tests, NULL);
    double share = sterna_speed_share(b, test);
    sterna_json_string(json, object, "test", kind_name(test));
    sterna_json_u64(json, object, "n", test->n);
    sterna_json_real(json, object, "mean_tokens_per_second", test->rate);
    sterna_json_real(json, object, "stddev_tokens_per_second", test->deviation);
    sterna_json_real(json, object, "median_tokens_per_second", test->median);
    cJSON *seconds = sterna_json_array(json, object, "seconds");
    for (uint32_t i = 0; i < test->reps; i++) sterna_json_real(json, seconds, NULL, test->seconds[i]);
    sterna_json_real(json, object, "bytes_per_token", test->bytes_per_token);
    sterna_json_real(json, object, "ops_per_token", test->ops_per_token);
    if (share > 0) sterna_json_real(json, object, "share_of_limit", share);
    sterna_json_hex(json, object, "logits_sha256", test->hash);
}

void sterna_speed_put(const sterna_speed *b, sterna_json *json)
{
    sterna_json_string(json, json->root, "path", b->path);
    sterna_json_string(json, json->root, "architecture", b->model.architecture);
    sterna_json_string(json, json->root, "type", b->type);
    sterna_json_u64(json, json->root, "tensor_bytes", b->model.tensor_bytes);
    sterna_json_u64(json, json->root, "parameters", b->model.parameters);
    sterna_json_u64(json, json->root, "n_batch", b->n_batch);
    sterna_json_string(json, json->root, "kv_type", b->kv_type);
    if (b->read_bytes_per_second > 0) {
        sterna_json_real(json, json->root, "read_bytes_per_second", b->read_bytes_per_second);
        sterna_json_real(json, json->root, "int8_ops_per_second", b->int8_ops_per_second);
    }
    cJSON *tests = sterna_json_array(json, json->root, "tests");
    for (uint32_t i = 0; i < b->n_tests; i++) json_test(json, tests, b, &b->tests[i]);
}

void sterna_speed_print(const sterna_speed *bench, sterna_speed_format format, sterna_out *out)
{
    if (format == STERNA_SPEED_CSV)
        print_csv(bench, out);
    else
        print_md(bench, out);
}
