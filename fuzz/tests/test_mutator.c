/* The structure-aware mutator, the second reader and the dictionaries are worth something: edits stay in
 * bounds, come again from the same seed, and land on both sides of the fence; the second reader judges the
 * corpus as wanted. */
#include "gguf_doc.h"
#include "reader2.h"
#include "run_input.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 65536, KEPT = 8, ROUNDS = 6000 };

typedef struct seeds {
    uint8_t *data[KEPT];
    size_t size[KEPT];
    uint32_t n;
} seeds;

static void keep(void *context, const char *name, const uint8_t *data, size_t size)
{
    seeds *s = context;
    (void)name;
    if (s->n == KEPT || !(s->data[s->n] = malloc(ROOM))) return;
    memcpy(s->data[s->n], data, size);
    s->size[s->n++] = size;
}

static bool accepted(const uint8_t *data, size_t size, bool directory)
{
    reader2 r;
    reader2_open(&r, data, size, directory);
    bool good = r.refused == NULL;
    reader2_free(&r);
    return good;
}

/* Beyond `max` nothing is written, whatever the file looks like. */
static void edits_stay_in_bounds(sterna_test *t)
{
    static uint8_t work[ROOM + 64], again[ROOM + 64];
    seeds s = {0};
    CHECK(t, sterna_fuzz_seeds("gguf", keep, &s) && s.n >= 4);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t i = round % s.n, j = (round / s.n) % s.n;
        size_t size = s.size[i], max = round % 3 ? ROOM : size + round % 50;
        if (round % 5 == 0) size = round % 90 < size ? round % 90 : size;
        memcpy(work, s.data[i], size);
        memset(work + max, 0xA5, 64);
        const uint8_t *other = round % 2 ? s.data[j] : NULL;
        size_t after = sterna_fuzz_mutate_gguf(work, size, max, other, other ? s.size[j] : 0, round);
        CHECK_MSG(t, after <= max, "round %u: %zu bytes, room for %zu", round, after, max);
        for (size_t b = 0; b < 64; b++) CHECK_MSG(t, work[max + b] == 0xA5, "round %u writes beyond", round);
        memcpy(again, s.data[i], size);
        CHECK(t, sterna_fuzz_mutate_gguf(again, size, max, other, other ? s.size[j] : 0, round) == after);
        CHECK_MSG(t, memcmp(work, again, after) == 0, "round %u is not the same twice", round);
    }
    for (uint32_t i = 0; i < s.n; i++) free(s.data[i]);
}

/* A mutator whose files are all refused at the first check tests nothing behind it; nor does one that only
 * makes good ones. Rounds build on each other as a fuzzer's do. */
static void edits_land_on_both_sides(sterna_test *t)
{
    static uint8_t work[ROOM];
    seeds s = {0};
    uint32_t good = 0, changed = 0;
    CHECK(t, sterna_fuzz_seeds("gguf", keep, &s) && s.n >= 4);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t i = round % s.n;
        memcpy(work, s.data[i], s.size[i]);
        size_t size = sterna_fuzz_mutate_gguf(work, s.size[i], ROOM, s.data[(i + 1) % s.n],
                                              s.size[(i + 1) % s.n], round);
        changed += size != s.size[i] || memcmp(work, s.data[i], size) != 0;
        good += accepted(work, size, false);
    }
    CHECK_MSG(t, changed > ROUNDS * 9 / 10, "%u of %u edits change something", changed, ROUNDS);
    CHECK_MSG(t, good > ROUNDS / 10 && good < ROUNDS * 7 / 10, "%u of %u are accepted", good, ROUNDS);
    for (uint32_t i = 0; i < s.n; i++) free(s.data[i]);
}

/* The mutated files through the target that compares the readers: a little fuzzing in every `make check`. */
static void readers_agree_on_edits(sterna_test *t)
{
    static uint8_t work[ROOM];
    const sterna_fuzz_target *target = sterna_fuzz_find("gguf");
    seeds s = {0};
    CHECK(t, sterna_fuzz_seeds("gguf", keep, &s) && s.n >= 4);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t i = round % s.n;
        memcpy(work, s.data[i], s.size[i]);
        size_t size = sterna_fuzz_mutate_gguf(work, s.size[i], ROOM, s.data[(i + 1) % s.n],
                                              s.size[(i + 1) % s.n], ~round);
        CHECK(t, sterna_fuzz_run(target, work, size));
    }
    for (uint32_t i = 0; i < s.n; i++) free(s.data[i]);
}

typedef struct verdicts {
    uint32_t accepted, refused, wrong;
    char last[256];
} verdicts;

static void judge(void *context, const char *path, const uint8_t *data, size_t size)
{
    verdicts *v = context;
    bool good = accepted(data, size, strstr(path, "/TENSORS_") != NULL);
    if (!strstr(path, ".gguf")) return;
    *(good ? &v->accepted : &v->refused) += 1;
    bool wrong = (strstr(path, ".accept.") && !good) || (strstr(path, ".reject.") && good);
    if (wrong) snprintf(v->last, sizeof v->last, "%s", path);
    v->wrong += wrong;
}

/* ggml's own cases say in their names what is wanted; those of tensors come without data. */
static void second_reader_judges_ggml_cases(sterna_test *t)
{
    verdicts v = {0};
    CHECK(t, sterna_fuzz_each_file(sterna_test_repo(t, "engine/tests/corpus_ggml"), judge, &v));
    CHECK_MSG(t, v.wrong == 0, "%s", v.last);
    CHECK_MSG(t, v.accepted >= 4 && v.refused >= 15, "%u accepted, %u refused", v.accepted, v.refused);
}

/* Taken apart and put together, a plain file is itself. */
static void documents_survive(sterna_test *t)
{
    static gguf_doc doc;
    static uint8_t out[ROOM];
    seeds s = {0};
    CHECK(t, sterna_fuzz_seeds("gguf", keep, &s) && s.n >= 4);
    for (uint32_t i = 0; i < s.n; i++) {
        gguf_doc_parse(&doc, s.data[i], s.size[i]);
        size_t size = gguf_doc_write(&doc, out, ROOM);
        CHECK_MSG(t, size == s.size[i] && memcmp(out, s.data[i], size) == 0, "seed %u: %zu bytes, %zu", i,
                  size, s.size[i]);
    }
    for (uint32_t i = 0; i < s.n; i++) free(s.data[i]);
}

typedef struct lines {
    uint32_t n, bad;
    bool magic, key, type;
} lines;

static void look(void *context, const char *text)
{
    lines *l = context;
    size_t n = strlen(text);
    l->n++;
    l->bad += n < 3 || text[0] != '"' || text[n - 1] != '"';
    for (size_t i = 0; i < n; i++) l->bad += text[i] < 0x20 || text[i] == 0x7F;
    l->magic |= strcmp(text, "\"GGUF\\x03\\x00\\x00\\x00\"") == 0;
    l->key |= strstr(text, "general.alignment") != NULL;
    l->type |= strcmp(text, "\"#\\x00\\x00\\x00\"") == 0; /* 35, TQ2_0 */
}

static void dictionaries(sterna_test *t)
{
    lines l = {0};
    uint32_t n;
    const sterna_fuzz_target *all = sterna_fuzz_targets(&n);
    CHECK(t, sterna_fuzz_dictionary("gguf", look, &l));
    CHECK_MSG(t, l.n > 100 && l.bad == 0 && l.magic && l.key && l.type, "%u lines, %u bad", l.n, l.bad);
    for (uint32_t i = 0; i < n; i++)
        CHECK_MSG(t,
                  sterna_fuzz_dictionary(all[i].dictionary, look, &l) ==
                      (strcmp(all[i].dictionary, "none") != 0),
                  "%s names the dictionary %s", all[i].name, all[i].dictionary);
    CHECK(t, l.bad == 0);
}

const sterna_test_case sterna_test_cases[] = {
    {"edits_stay_in_bounds", edits_stay_in_bounds, 0},
    {"edits_land_on_both_sides", edits_land_on_both_sides, 0},
    {"readers_agree_on_edits", readers_agree_on_edits, 0},
    {"second_reader_judges_ggml_cases", second_reader_judges_ggml_cases, 0},
    {"documents_survive", documents_survive, 0},
    {"dictionaries", dictionaries, 0},
    {0},
};
