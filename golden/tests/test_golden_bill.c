/* What one token costs a GPU in calls and bytes, counted by the mock: launches, copies, bytes that kernels access. Counts are
 * exact and the same on every machine, so they are pinned to the last byte in references/mock-bill.txt: a change that costs
 * more is seen without a GPU. Owns: that table. Where a change is meant, the copy that the failing test names is the new one. */
#include "base/size.h"
#include "golden_test.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 3 };
static const char *const figures[] = {"launches",   "marks", "uploads", "uploaded", "downloads",
                                      "downloaded", "read",  "written", "shared"};
enum { FIGURES = (int)STERNA_COUNT(figures) };
static const char table[] = "golden/references/mock-bill.txt";

/* The sums of the log after a generation of so many tokens. */
static bool sums(sterna_test *t, const char *model, const char *keys, uint32_t tokens, uint64_t out[FIGURES])
{
    char log[1200], device[1400], hex[65];
    golden_run one;
    sterna_fault fault = {0};
    sterna_mapping file = {0};
    snprintf(log, sizeof log, "%s/log", sterna_test_folder(t));
    snprintf(device, sizeof device, "mock:%slog=%s", keys, log);
    sterna_session_params params = golden_params(device, STERNA_KV_F16);
    params.n_ctx = 64;
    sterna_status status = golden_open(sterna_test_repo(t, model), &params, &one, &fault);
    if (status == STERNA_OK) status = golden_digest(&one, "Once upon a time", tokens, hex, &fault);
    golden_close(&one);
    if (!EXPECT(t, status == STERNA_OK)) {
        sterna_test_note(t, "%s: %s", model, fault.text);
        return false;
    }
    if (!EXPECT(t, sterna_sys_read(log, 64u << 20, &file, NULL) == STERNA_OK)) return false;
    const char *close = strstr((const char *)file.data, "\"call\":\"close\"");
    bool all = close != NULL;
    for (uint32_t i = 0; i < FIGURES && all; i++) {
        char want[40];
        snprintf(want, sizeof want, "\"%s\":", figures[i]);
        const char *at = strstr(close, want);
        all = at != NULL;
        if (at) out[i] = strtoull(at + strlen(want), NULL, 10);
    }
    sterna_sys_unmap(&file);
    return EXPECT(t, all);
}

/* What token TOKENS + 1 adds. */
static bool one_token(sterna_test *t, const char *model, const char *keys, uint64_t out[FIGURES])
{
    uint64_t before[FIGURES];
    if (!sums(t, model, keys, TOKENS, before) || !sums(t, model, keys, TOKENS + 1, out)) return false;
    for (uint32_t i = 0; i < FIGURES; i++) out[i] -= before[i];
    return true;
}

static void counts_per_token(sterna_test *t)
{
    static const char *const models[] = {"golden/models/golden.gguf", "golden/models/stories260K-q8_0.gguf",
                                         "golden/models/stories260K-F16.gguf",
                                         "golden/models/stories260K-ff256-q4_K.gguf",
                                         "golden/models/stories260K-ff256-tq2_0.gguf"};
    static const char path[] = STERNA_BINARY_DIR "/mock-bill.txt";
#if STERNA_HOSTILE
    SKIP(t, "a hostile build works in other pieces");
#endif
    char text[2000];
    int n = snprintf(text, sizeof text,
                     "# One decoded token on the mock GPU, the %dth: test_golden_bill.\n# model", TOKENS + 1);
    for (uint32_t i = 0; i < FIGURES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %s", figures[i]);
    n += snprintf(text + n, sizeof text - (size_t)n, "\n");
    for (uint32_t m = 0; m < STERNA_COUNT(models); m++) {
        uint64_t counts[FIGURES];
        if (!one_token(t, models[m], "", counts)) return;
        n += snprintf(text + n, sizeof text - (size_t)n, "%s", strrchr(models[m], '/') + 1);
        for (uint32_t i = 0; i < FIGURES; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, " %llu", (unsigned long long)counts[i]);
        n += snprintf(text + n, sizeof text - (size_t)n, "\n");
    }
    sterna_writer *writer;
    CHECK(t, sterna_writer_open(path, &writer, NULL) == STERNA_OK &&
                 sterna_writer_write(writer, text, (size_t)n, NULL) == STERNA_OK &&
                 sterna_writer_commit(writer, NULL) == STERNA_OK);
    sterna_mapping pinned = {0};
    if (!golden_read(t, table, &pinned)) return;
    bool same = strcmp((const char *)pinned.data, text) == 0;
    if (!same)
        sterna_test_note(t, "pinned:\n%s\ncounted:\n%s\nwhere the change is meant: cp %s %s",
                         (const char *)pinned.data, text, path, table);
    sterna_sys_unmap(&pinned);
    CHECK(t, same && "a token costs what it did");
}

/* Counts are not a matter of luck: other seeds and orders give the same. Other subgroups take other steps in shared memory only. */
static void counts_do_not_depend_on_orders(sterna_test *t)
{
    static const char *const keys[] = {"seed=1,", "seed=2,reorder=64,", "warp=4,", "warp=64,seed=9,"};
    uint64_t want[FIGURES], got[FIGURES];
    if (!one_token(t, "golden/models/golden.gguf", "", want)) return;
    for (uint32_t k = 0; k < STERNA_COUNT(keys); k++) {
        if (!one_token(t, "golden/models/golden.gguf", keys[k], got)) return;
        for (uint32_t i = 0; i < FIGURES; i++)
            CHECK_MSG(t, got[i] == want[i] || (k >= 2 && i + 1 == FIGURES), "%s: %llu %s, not %llu", keys[k],
                      (unsigned long long)got[i], figures[i], (unsigned long long)want[i]);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"counts_per_token", counts_per_token, 60},
    {"counts_do_not_depend_on_orders", counts_do_not_depend_on_orders, 60},
    {0},
};
