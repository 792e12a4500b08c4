/* Status texts and sterna_fail. */
#include "base/status.h"
#include <stdio.h>

sterna_status sterna_fail(sterna_fault *fault, sterna_status status, const char *format, ...)
{
    if (fault && fault->status == STERNA_OK) {
        va_list args;
        fault->status = status;
        va_start(args, format);
        if (vsnprintf(fault->text, sizeof fault->text, format, args) < 0) fault->text[0] = 0;
        va_end(args);
    }
    return status;
}

const char *sterna_status_name(sterna_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                     \
    case STERNA_##name:                                                                                      \
        return #name;
        STERNA_STATUS_LIST(X)
#undef X
    }
    return "?";
}

const char *sterna_status_text(sterna_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                     \
    case STERNA_##name:                                                                                      \
        return text;
        STERNA_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

int sterna_status_exit_code(sterna_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                     \
    case STERNA_##name:                                                                                      \
        return exit_code;
        STERNA_STATUS_LIST(X)
#undef X
    }
    return 70;
}
