/* Histories of benchmarks, and their picture. Owns: one HTML file without script, network or fonts of its own. */
#ifndef STERNA_HISTORY_H
#define STERNA_HISTORY_H

#include "cli/out.h"
#include "store/store.h"

typedef struct sterna_history_point {
    double low, median, high; /* tokens per second where the unit is a token, else seconds */
    char date[24], commit[64];
    uint32_t samples;
    bool new_code, new_bits; /* other than at the point before */
} sterna_history_point;

typedef struct sterna_history_series {
    int64_t id;
    char name[STERNA_RESULT_NAME], settings[STERNA_RESULT_NAME], model[STERNA_RESULT_NAME];
    char device[64], processor[64];
    uint32_t threads;
    bool rate; /* more is better */
    bool has_code;
    uint8_t code[STERNA_HASH_BYTES], digest[STERNA_HASH_BYTES]; /* of the last point */
    sterna_history_point *points;                               /* [n] */
    uint32_t n;
} sterna_history_series;

/* Zero-initialise. */
typedef struct sterna_history {
    sterna_history_series *series; /* [n] */
    uint32_t n;
    sterna_store_check *checks; /* [n_checks] */
    uint32_t n_checks;
} sterna_history;

sterna_status sterna_history_read(sterna_store *store, sterna_history *history, sterna_fault *fault);
void sterna_history_free(sterna_history *history);
/* The whole page. `title` is shown, and may hold anything. */
void sterna_history_html(const sterna_history *history, const char *title, sterna_out *out);
/* "12.3 t/s" or "4.56 ms". */
enum { STERNA_HISTORY_VALUE = 32 };
const char *sterna_history_value(double value, bool rate, char text[STERNA_HISTORY_VALUE]);

#endif
