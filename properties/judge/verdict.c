/* Verdicts: names and precedence. */
#include "judge/verdict.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool failed;
} rows[STERNA_VERDICTS] = {
#define VERDICT(name, is_failure, sentence) {#name, is_failure},
#include "judge/verdict.def"
#undef VERDICT
};

const char *sterna_verdict_name(sterna_verdict_code code)
{
    return code < STERNA_VERDICTS ? rows[code].name : "?";
}

bool sterna_verdict_failed(sterna_verdict_code code)
{
    return code >= STERNA_VERDICTS || rows[code].failed;
}

sterna_verdict_code sterna_verdict_find(const char *name)
{
    for (uint32_t i = 0; i < STERNA_VERDICTS; i++)
        if (strcmp(rows[i].name, name) == 0) return (sterna_verdict_code)i;
    return STERNA_VERDICTS;
}

bool sterna_judge(sterna_verdict *v, sterna_verdict_code code, const char *format, ...)
{
    if (sterna_verdict_failed(v->code) && v->code <= code) return false;
    if (!sterna_verdict_failed(code) && sterna_verdict_failed(v->code)) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->text, sizeof v->text, format, arguments);
    va_end(arguments);
    v->code = code;
    return false;
}
