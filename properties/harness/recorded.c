/* Recorded calls: their lines, and how they are run. */
#include "harness/recorded.h"
#include "base/size.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sterna_manner sterna_recorded_manner(const sterna_recorded *r)
{
    uint32_t rows = sterna_call_u32(&r->call, "rows");
    return (sterna_manner){.slot = r->most_rows != 0,
                           .slack = r->most_rows > rows ? r->most_rows - rows : 0,
                           .labelled = true,
                           .label = r->label};
}

static sterna_status write_text(sterna_writer *writer, sterna_fault *fault, const char *format, ...)
    STERNA_PRINTF(3, 4);
static sterna_status write_text(sterna_writer *writer, sterna_fault *fault, const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sterna_writer_write(writer, text, n > 0 ? (size_t)n : 0, fault);
}

static sterna_status write_hex(sterna_writer *writer, const uint8_t *data, uint64_t bytes,
                               sterna_fault *fault)
{
    static const char digits[] = "0123456789abcdef";
    char text[4096];
    sterna_status status = STERNA_OK;
    for (uint64_t at = 0; at < bytes && status == STERNA_OK;) {
        size_t n = 0;
        for (; n < sizeof text && at < bytes; at++) {
            text[n++] = digits[data[at] >> 4];
            text[n++] = digits[data[at] & 15];
        }
        status = sterna_writer_write(writer, text, n, fault);
    }
    return status;
}

sterna_status sterna_recorded_write(const sterna_recorded *r, sterna_writer *writer, sterna_fault *fault)
{
    sterna_status status = write_text(writer, fault, "most-rows %u\nlabel %u\n", r->most_rows, r->label);
    for (uint32_t i = 0; i < r->call.info->n_params && status == STERNA_OK; i++) {
        const sterna_param *param = &r->call.info->params[i];
        if (param->kind == STERNA_PARAM_U32 || param->kind == STERNA_PARAM_F32)
            status = write_text(writer, fault, "scalar %s %08x\n", param->name, r->call.scalars[i]);
    }
    for (uint32_t i = 0; i < r->call.info->n_params && status == STERNA_OK; i++) {
        const sterna_param *param = &r->call.info->params[i];
        if (!r->call.data[i] || param->kind == STERNA_PARAM_OUT) continue;
        status = write_text(writer, fault, "arg %s ", param->name);
        if (status == STERNA_OK) status = write_hex(writer, r->call.data[i], r->call.bytes[i], fault);
        if (status == STERNA_OK) status = write_text(writer, fault, "\n");
    }
    return status;
}

bool sterna_recorded_takes(const char *key)
{
    return !strcmp(key, "most-rows") || !strcmp(key, "label") || !strcmp(key, "scalar") ||
           !strcmp(key, "arg");
}

static bool number(const char *text, int base, uint32_t *value)
{
    char *end;
    if (*text == '-' || *text == '+' || *text == ' ' || !*text) return false;
    unsigned long long n = strtoull(text, &end, base);
    *value = (uint32_t)n;
    return !*end && n <= UINT32_MAX;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *hex, uint8_t *data, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        int high = nibble(hex[2 * i]), low = high < 0 ? -1 : nibble(hex[2 * i + 1]);
        if (low < 0) return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    return hex[2 * bytes] == 0;
}

/* Sizes come from the file: they are believed as far as the file is long, outputs up to a limit. */
static bool believable(const sterna_recorded *r)
{
    enum { MOST_OUTPUT = 1 << 28 };
    const sterna_op_info *info = sterna_op_get(r->call.op);
    uint64_t bytes[STERNA_MAX_ARGS], sum = 0;
    if (sterna_op_domain(r->call.op, r->call.scalars)) return false;
    sterna_op_extents(r->call.op, r->call.scalars, bytes);
    for (uint32_t i = 0; i < info->n_params; i++)
        if (info->params[i].kind == STERNA_PARAM_WEIGHT) /* at least a byte for four values */
            sum = sterna_sat_add(sum, sterna_sat_mul(bytes[i] >> 32, (uint32_t)bytes[i] / 4));
        else if (info->params[i].kind == STERNA_PARAM_OUT && bytes[i] > MOST_OUTPUT)
            return false;
        else if (info->params[i].kind != STERNA_PARAM_OUT)
            sum = sterna_sat_add(sum, bytes[i]);
    return sum <= r->room;
}

/* The first data line makes the call: all scalars have been read by then. */
static bool take_data(sterna_recorded *r, int i, const char *hex)
{
    sterna_call *call = &r->call;
    if (!call->info) {
        uint32_t scalars[STERNA_MAX_ARGS];
        memcpy(scalars, call->scalars, sizeof scalars); /* call_make() clears the call first */
        bool made = believable(r) && sterna_call_make(call, call->op, scalars, call->format, call->act);
        if (!made) call->info = NULL;
        if (!made) return false;
    }
    return call->data[i] && call->info->params[i].kind != STERNA_PARAM_OUT &&
           read_hex(hex, call->data[i], call->bytes[i]);
}

bool sterna_recorded_take(sterna_recorded *r, const char *key, char *value)
{
    if (!strcmp(key, "most-rows")) return number(value, 10, &r->most_rows);
    if (!strcmp(key, "label")) return number(value, 10, &r->label);
    char *space = strchr(value, ' ');
    if (!space) return false;
    *space = 0;
    int i = sterna_op_param(r->call.op, value);
    if (i < 0) return false;
    sterna_param_kind kind = sterna_op_get(r->call.op)->params[i].kind;
    bool is_scalar = kind == STERNA_PARAM_U32 || kind == STERNA_PARAM_F32;
    if (!strcmp(key, "scalar"))
        return is_scalar && !r->call.info && number(space + 1, 16, &r->call.scalars[i]);
    if (is_scalar || !take_data(r, i, space + 1)) return false;
    r->seen |= 1u << i;
    return true;
}

bool sterna_recorded_whole(const sterna_recorded *r)
{
    if (!r->call.info) return false;
    for (uint32_t i = 0; i < r->call.info->n_params; i++)
        if (r->call.data[i] && r->call.info->params[i].kind != STERNA_PARAM_OUT && !(r->seen >> i & 1))
            return false;
    uint32_t rows = sterna_call_u32(&r->call, "rows");
    return r->most_rows == 0 || (r->most_rows >= rows && r->most_rows <= 65536);
}

void sterna_recorded_free(sterna_recorded *r)
{
    sterna_call_free(&r->call);
    memset(r, 0, sizeof *r);
}
