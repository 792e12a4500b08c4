/* Encoding against slow and obvious oracles on random vocabularies and texts; round trips; limits; every
 * allocation failing. Owns: the oracles, which share nothing with the engine but the word cutter (tested by
 * test_bpe_split). */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "runner.h"
#include "small_vocab.h"
#include "token/pretokenizer.h"
#include <math.h>

/* Merges by looking at every pair in every round. Symbols are texts as the vocabulary stores them. */
typedef struct slow_word {
    sterna_token_text symbol[512];
    char pool[4096];
    size_t count, used;
} slow_word;

static void slow_add(slow_word *w, const char *data, size_t bytes)
{
    memcpy(w->pool + w->used, data, bytes);
    w->symbol[w->count++] = (sterna_token_text){w->pool + w->used, bytes};
    w->used += bytes;
}

/* Adjacent symbols are adjacent in the pool: joining is adding up. */
static void slow_join(slow_word *w, size_t at)
{
    w->symbol[at].bytes += w->symbol[at + 1].bytes;
    memmove(&w->symbol[at + 1], &w->symbol[at + 2], (w->count - at - 2) * sizeof w->symbol[0]);
    w->count--;
}

/* How good the pair is, greatest first; false: no merge. */
typedef bool slow_rule(const small_vocab *v, sterna_token_text left, sterna_token_text right, double *good);

static bool slow_bpe_rule(const small_vocab *v, sterna_token_text left, sterna_token_text right, double *good)
{
    for (uint32_t rank = 0; rank < v->vocab.merge_count; rank++) {
        sterna_token_text m = v->merges[rank];
        if (m.bytes == left.bytes + 1 + right.bytes && m.data[left.bytes] == ' ' &&
            memcmp(m.data, left.data, left.bytes) == 0 &&
            memcmp(m.data + left.bytes + 1, right.data, right.bytes) == 0) {
            *good = -(double)rank;
            return true;
        }
    }
    return false;
}

static bool slow_spm_rule(const small_vocab *v, sterna_token_text left, sterna_token_text right, double *good)
{
    uint32_t id = small_find(v, left.data, left.bytes + right.bytes);
    if (id == STERNA_TOKEN_NONE || v->types[id] != STERNA_TOKEN_NORMAL) return false;
    *good = v->scores[id];
    return true;
}

static void slow_merge(const small_vocab *v, slow_word *w, slow_rule *rule)
{
    for (;;) {
        size_t best = SIZE_MAX;
        double best_good = -INFINITY;
        for (size_t i = 0; i + 1 < w->count; i++) {
            double good;
            if (rule(v, w->symbol[i], w->symbol[i + 1], &good) && good > best_good) {
                best = i;
                best_good = good;
            }
        }
        if (best == SIZE_MAX) return;
        slow_join(w, best);
    }
}

static size_t slow_bpe(const small_vocab *v, const char *text, size_t bytes, uint32_t *ids)
{
    size_t n = 0;
    sterna_words words = {.pre = sterna_pretokenizer_find(v->vocab.pre.data, v->vocab.pre.bytes),
                          .text = (const uint8_t *)text,
                          .bytes = bytes};
    for (size_t start, end; sterna_words_next(&words, &start, &end);) {
        slow_word w = {.count = 0};
        for (size_t i = start; i < end; i++) {
            char c[2];
            slow_add(&w, c, sterna_bytes_map_encode((uint8_t)text[i], c));
        }
        if (words.pre->ignore_merges && small_find(v, w.pool, w.used) != STERNA_TOKEN_NONE) {
            ids[n++] = small_find(v, w.pool, w.used);
            continue;
        }
        slow_merge(v, &w, slow_bpe_rule);
        for (size_t i = 0; i < w.count; i++) ids[n++] = small_find(v, w.symbol[i].data, w.symbol[i].bytes);
    }
    return n;
}

/* Texts here are of whole characters, so a character ends before the next byte that is no continuation. */
static size_t slow_spm(const small_vocab *v, const char *text, size_t bytes, uint32_t *ids)
{
    slow_word w = {.count = 0};
    if (bytes > 0) slow_add(&w, "\xE2\x96\x81", 3);
    for (size_t i = 0, end; i < bytes; i = end) {
        for (end = i + 1; end < bytes && ((uint8_t)text[end] & 0xC0) == 0x80;) end++;
        if (text[i] == ' ') {
            slow_add(&w, "\xE2\x96\x81", 3);
        } else {
            slow_add(&w, text + i, end - i);
        }
    }
    slow_merge(v, &w, slow_spm_rule);
    size_t n = 0;
    for (size_t i = 0; i < w.count; i++) {
        uint32_t id = small_find(v, w.symbol[i].data, w.symbol[i].bytes);
        if (id != STERNA_TOKEN_NONE) {
            ids[n++] = id;
        } else {
            for (size_t k = 0; k < w.symbol[i].bytes; k++) ids[n++] = 3 + (uint8_t)w.symbol[i].data[k];
        }
    }
    return n;
}

static const char *const words_of_text[] = {"a",   "b",        "c",  "d",  " ",  " ", "ab",
                                            "cab", "\xC3\xA9", "aa", "  ", "dd", "z", "\n"};

static size_t random_text(uint32_t seed, uint32_t i, char *text)
{
    size_t bytes = 0;
    uint32_t pieces = sterna_philox4x32(seed, 21, i, 999, 0, 0).word[0] % 40;
    for (uint32_t k = 0; k < pieces; k++) {
        const char *w =
            words_of_text[sterna_philox4x32(seed, 21, i, k, 0, 0).word[0] % STERNA_COUNT(words_of_text)];
        memcpy(text + bytes, w, strlen(w));
        bytes += strlen(w);
    }
    return bytes;
}

static bool same_ids(sterna_test *t, const sterna_token_list *got, const uint32_t *want, size_t n,
                     const char *text, size_t bytes)
{
    bool same = got->count == n && (n == 0 || memcmp(got->ids, want, n * sizeof want[0]) == 0);
    if (!EXPECT(t, same)) sterna_test_note(t, "\"%.*s\": %zu ids, want %zu", (int)bytes, text, got->count, n);
    return same;
}

static void merges_as_the_oracle(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    static const char *const pres[] = {"gpt-2", "llama-bpe", "default"};
    static small_vocab v;
    for (uint32_t seed = 0; seed < 48; seed++) {
        bool spm = seed & 1;
        if (spm) {
            small_spm(&v, seed, 40 + seed, seed & 2);
        } else {
            small_bpe(&v, pres[seed / 2 % 3], seed, 10 + 2 * seed);
        }
        sterna_tokenizer *tokenizer;
        sterna_fault fault = {0};
        CHECK_MSG(t, sterna_tokenizer_create(&v.vocab, &tokenizer, &fault) == STERNA_OK, "%s", fault.text);
        for (uint32_t i = 0; i < 60; i++) {
            char text[200];
            uint32_t want[400];
            size_t bytes = random_text(seed, i, text);
            size_t n = spm ? slow_spm(&v, text, bytes, want) : slow_bpe(&v, text, bytes, want);
            sterna_token_list list = {0};
            CHECK(t, sterna_tokenizer_encode(tokenizer, text, bytes, 0, &list, NULL) == STERNA_OK);
            bool same = same_ids(t, &list, want, n, text, bytes);
            sterna_token_list_free(&list);
            CHECK_MSG(t, same, "vocabulary %u, text %u", seed, i);
        }
        sterna_tokenizer_free(tokenizer);
    }
    CHECK(t, sterna_mem_live() == live);
}

/* Cuts by going through the special tokens one after another, longest first. Marks in owner[] which token a
 * byte belongs to: 0 none, else 1 + index, with the top bit on a match's first byte. */
static void slow_special(const char *const *special, const bool *on, uint32_t count, const char *text,
                         size_t bytes, uint32_t *owner)
{
    memset(owner, 0, bytes * sizeof owner[0]);
    for (size_t length = 16; length > 0; length--)
        for (size_t at = 0; at + length <= bytes;) {
            uint32_t found = 0;
            bool open = true;
            for (size_t k = 0; k < length; k++) open = open && owner[at + k] == 0;
            for (uint32_t i = 0; open && found == 0 && i < count; i++)
                if (on[i] && strlen(special[i]) == length && memcmp(special[i], text + at, length) == 0)
                    found = i + 1;
            if (found == 0) {
                at++;
                continue;
            }
            for (size_t k = 0; k < length; k++) owner[at + k] = found;
            owner[at] |= 0x80000000u;
            at += length;
        }
}

static void special_tokens_as_the_oracle(sterna_test *t)
{
    static const char *const special[] = {"ab", "bca", "<x>", "abc", "ca", "c a", "bcd", "dd", "aab", "<y"};
    static const bool control[] = {false, true, true, false, true, false, true, false, true, false};
    static small_vocab v;
    small_bpe(&v, "gpt-2", 5, 0);
    uint32_t base = v.vocab.count;
    for (uint32_t i = 0; i < STERNA_COUNT(special); i++)
        small_put(&v, special[i], 0, control[i] ? STERNA_TOKEN_CONTROL : STERNA_TOKEN_USER_DEFINED);
    sterna_tokenizer *tokenizer;
    CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
    uint64_t matches = 0;
    for (uint32_t i = 0; i < 8000; i++) {
        static const char letters[] = "aabbccdd <x>y";
        char text[40];
        size_t bytes = i % 40;
        for (uint32_t k = 0; k < bytes; k++)
            text[k] = letters[sterna_philox4x32(9, 9, i, k, 0, 0).word[0] % 13];
        bool with_flag = i & 1, on[STERNA_COUNT(special)];
        for (uint32_t k = 0; k < STERNA_COUNT(special); k++) on[k] = with_flag || !control[k];
        uint32_t owner[40], want[40];
        size_t n = 0;
        slow_special(special, on, STERNA_COUNT(special), text, bytes, owner);
        /* There are no merges, so every other byte is its own token. */
        for (size_t k = 0; k < bytes; k++) {
            if (owner[k] == 0) want[n++] = 1u + (uint8_t)text[k];
            if (owner[k] & 0x80000000u) want[n++] = base + (owner[k] & 0xFFFF) - 1, matches++;
        }
        sterna_token_list list = {0};
        CHECK(t, sterna_tokenizer_encode(tokenizer, text, bytes, with_flag ? STERNA_ENCODE_SPECIAL : 0, &list,
                                         NULL) == STERNA_OK);
        bool same = same_ids(t, &list, want, n, text, bytes);
        sterna_token_list_free(&list);
        CHECK(t, same);
    }
    CHECK_MSG(t, matches > 5000, "%llu matches", (unsigned long long)matches);
    sterna_tokenizer_free(tokenizer);
}

/* The bytes of all ids, without the space in front. */
static size_t decode(const sterna_tokenizer *tokenizer, const sterna_token_list *list, char *out)
{
    size_t n = 0, prefix = sterna_tokenizer_prefix_bytes(tokenizer, list->ids, list->count);
    for (size_t i = 0; i < list->count; i++) {
        sterna_token_text piece = sterna_tokenizer_piece(tokenizer, list->ids[i], 0);
        memcpy(out + n, piece.data, piece.bytes);
        n += piece.bytes;
    }
    memmove(out, out + prefix, n - prefix);
    return n - prefix;
}

static void any_bytes_come_back(sterna_test *t)
{
    static small_vocab v;
    for (uint32_t seed = 0; seed < 12; seed++) {
        if (seed & 1) {
            small_spm(&v, seed, 60, seed & 2);
        } else {
            small_bpe(&v, seed & 2 ? "llama-bpe" : "default", seed, 60);
        }
        sterna_tokenizer *tokenizer;
        CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
        for (uint32_t i = 0; i < 2000; i++) {
            char text[48], back[64];
            size_t bytes = i % 48;
            for (uint32_t k = 0; k < bytes; k++) {
                uint32_t r = sterna_philox4x32(seed, 31, i, k, 0, 0).word[0];
                text[k] = r & 0x100 ? "abcd \n"[(r & 0xFF) % 6] : (char)(r & 0xFF);
            }
            sterna_token_list list = {0};
            CHECK(t, sterna_tokenizer_encode(tokenizer, text, bytes, STERNA_ENCODE_AFFIXES, &list, NULL) ==
                         STERNA_OK);
            size_t n = decode(tokenizer, &list, back);
            sterna_token_list_free(&list);
            CHECK_MSG(t, n == bytes && memcmp(text, back, n) == 0, "vocabulary %u, text %u", seed, i);
        }
        sterna_tokenizer_free(tokenizer);
    }
}

static void bytes_map_is_a_bijection(sterna_test *t)
{
    bool seen[0x200] = {0};
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[2];
        size_t n = sterna_bytes_map_encode((uint8_t)byte, text);
        uint32_t code = n == 1 ? (uint8_t)text[0] : ((uint8_t)text[0] & 31u) << 6 | ((uint8_t)text[1] & 63u);
        CHECK(t, !seen[code] && code > ' ' && sterna_bytes_map_decode(code) == (int)byte);
        seen[code] = true;
    }
    for (uint32_t code = 0; code < 0x200; code++)
        CHECK(t, (sterna_bytes_map_decode(code) >= 0) == seen[code]);
    char space[2];
    CHECK(t, sterna_bytes_map_encode(' ', space) == 2 && memcmp(space, "\xC4\xA0", 2) == 0); /* U+0120 */
}

static void affixes_and_prefix_space(sterna_test *t)
{
    static small_vocab v;
    small_spm(&v, 1, 0, true);
    small_put(&v, "<mark>", 0, STERNA_TOKEN_USER_DEFINED);
    uint32_t mark = v.vocab.count - 1, space = 259, a = 260;
    static const struct {
        const char *text;
        uint32_t flags;
        sterna_choice bos, eos, prefix;
        uint32_t n, ids[8]; /* 1000: mark, 1001: space, 1002: a */
    } rows[] = {
        {"a", 0, 0, 0, 0, 2, {1001, 1002}},
        {"a", STERNA_ENCODE_AFFIXES, 0, 0, 0, 3, {1, 1001, 1002}},
        {"a", STERNA_ENCODE_AFFIXES, STERNA_CHOICE_NO, STERNA_CHOICE_YES, 0, 3, {1001, 1002, 2}},
        {"a", 0, 0, 0, STERNA_CHOICE_NO, 1, {1002}},
        {"", STERNA_ENCODE_AFFIXES, 0, 0, 0, 1, {1}},
        {"a<mark>a", 0, 0, 0, 0, 5, {1001, 1002, 1000, 1001, 1002}},
        {"<s>a", STERNA_ENCODE_SPECIAL, 0, 0, 0, 3, {1, 1001, 1002}},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        v.vocab.add_bos = rows[i].bos;
        v.vocab.add_eos = rows[i].eos;
        v.vocab.add_space_prefix = rows[i].prefix;
        sterna_tokenizer *tokenizer;
        CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
        sterna_token_list list = {0};
        CHECK(t, sterna_tokenizer_encode(tokenizer, rows[i].text, strlen(rows[i].text), rows[i].flags, &list,
                                         NULL) == STERNA_OK);
        uint32_t want[8];
        for (uint32_t k = 0; k < rows[i].n; k++) {
            uint32_t id = rows[i].ids[k];
            want[k] = id == 1000 ? mark : id == 1001 ? space : id == 1002 ? a : id;
        }
        same_ids(t, &list, want, rows[i].n, rows[i].text, strlen(rows[i].text));
        sterna_token_list_free(&list);
        sterna_tokenizer_free(tokenizer);
    }
}

/* Pieces could merge to the text of a control token; they must not become it. */
static void text_never_becomes_a_control_token(sterna_test *t)
{
    static small_vocab v;
    small_spm(&v, 1, 0, true);
    const char *steps[] = {"<", "s", ">", "s>"};
    for (size_t i = 0; i < STERNA_COUNT(steps); i++) small_put(&v, steps[i], -1, STERNA_TOKEN_NORMAL);
    sterna_tokenizer *tokenizer;
    CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
    sterna_token_list list = {0};
    const char *text = "a<s></s><unk><0x0A>";
    CHECK(t, sterna_tokenizer_encode(tokenizer, text, strlen(text), 0, &list, NULL) == STERNA_OK);
    for (size_t i = 0; i < list.count; i++) {
        sterna_token_type type = sterna_tokenizer_type(tokenizer, list.ids[i]);
        CHECK(t, type == STERNA_TOKEN_NORMAL || type == STERNA_TOKEN_BYTE);
        CHECK(t, list.ids[i] != 3 + '\n');
    }
    list.count = 0;
    CHECK(t, sterna_tokenizer_encode(tokenizer, text, strlen(text), STERNA_ENCODE_SPECIAL, &list, NULL) ==
                 STERNA_OK);
    uint32_t control = 0;
    for (size_t i = 0; i < list.count; i++) control += list.ids[i] < 3;
    CHECK(t, control == 3);
    sterna_token_list_free(&list);
    sterna_tokenizer_free(tokenizer);
}

static void bytes_without_a_token(sterna_test *t)
{
    static small_vocab v;
    small_begin(&v, "llama", "");
    v.vocab.ids.unknown = small_put(&v, "<unk>", 0, STERNA_TOKEN_UNKNOWN);
    small_put(&v, "\xE2\x96\x81", 0, STERNA_TOKEN_NORMAL);
    sterna_tokenizer *tokenizer;
    CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
    sterna_token_list list = {0};
    CHECK(t, sterna_tokenizer_encode(tokenizer, "\xE2\x82\xAC", 3, 0, &list, NULL) == STERNA_OK);
    CHECK(t, list.count == 2 && list.ids[0] == 1 && list.ids[1] == 0);
    sterna_tokenizer_free(tokenizer);

    v.vocab.ids.unknown = STERNA_TOKEN_NONE;
    v.types[0] = STERNA_TOKEN_NORMAL;
    CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
    sterna_fault fault = {0};
    CHECK(t, sterna_tokenizer_encode(tokenizer, "\xE2\x82\xAC", 3, 0, &list, &fault) == STERNA_FILE);
    CHECK_MSG(t, list.count == 2 && strstr(fault.text, "0xE2"), "%s", fault.text);
    sterna_token_list_free(&list);
    sterna_tokenizer_free(tokenizer);
}

typedef struct spoil_row {
    const char *what;
    bool spm;
    sterna_status status;
    const char *names; /* must be in the sentence; NULL: accepted */
} spoil_row;

static const spoil_row spoil_rows[] = {
    {"bos", true, STERNA_FILE, "tokenizer.ggml.bos_token_id"},
    {"eot", false, STERNA_FILE, "tokenizer.ggml.eot_token_id"},
    {"padding", true, STERNA_OK, NULL},
    {"score", true, STERNA_FILE, "tokenizer.ggml.scores[7]"},
    {"no scores", true, STERNA_FILE, "tokenizer.ggml.scores"},
    {"type", false, STERNA_FILE, "tokenizer.ggml.token_type[9] is 99"},
    {"negative type", false, STERNA_FILE, "tokenizer.ggml.token_type[9] is -1"},
    {"byte", true, STERNA_FILE, "tokenizer.ggml.tokens[5]"},
    {"merge without space", false, STERNA_FILE, "tokenizer.ggml.merges[2]"},
    {"merge of nothing known", false, STERNA_FILE, "tokenizer.ggml.merges[2]"},
    {"empty merge", false, STERNA_FILE, "tokenizer.ggml.merges[2]"},
    {"model", true, STERNA_UNSUPPORTED, "tokenizer.ggml.model"},
    {"pre", false, STERNA_UNSUPPORTED, "tokenizer.ggml.pre"},
    {"no tokens", true, STERNA_FILE, "tokenizer.ggml.tokens"},
    {"equal texts", true, STERNA_OK, NULL},
    {"bad UTF-8", true, STERNA_OK, NULL},
    {"empty text", false, STERNA_OK, NULL},
};

static void spoil(small_vocab *v, const char *what)
{
    if (strcmp(what, "bos") == 0) v->vocab.ids.bos = v->vocab.count;
    if (strcmp(what, "eot") == 0) v->vocab.ids.eot = v->vocab.count;
    if (strcmp(what, "padding") == 0) v->vocab.ids.padding = v->vocab.count;
    if (strcmp(what, "score") == 0) v->scores[7] = NAN;
    if (strcmp(what, "no scores") == 0) v->vocab.scores = NULL;
    if (strcmp(what, "type") == 0) v->types[9] = 99;
    if (strcmp(what, "negative type") == 0) v->types[9] = -1;
    if (strcmp(what, "byte") == 0) v->tokens[5] = small_text(v, "<0xZZ>", 6);
    if (strcmp(what, "merge without space") == 0) v->merges[2] = small_text(v, "ab", 2);
    if (strcmp(what, "merge of nothing known") == 0) v->merges[2] = small_text(v, "a zz", 4);
    if (strcmp(what, "empty merge") == 0) v->merges[2] = small_text(v, "", 0);
    if (strcmp(what, "model") == 0) v->vocab.model = (sterna_token_text){"bert", 4};
    if (strcmp(what, "pre") == 0) v->vocab.pre = (sterna_token_text){"gpt-3", 5};
    if (strcmp(what, "no tokens") == 0) v->vocab.count = 0;
    if (strcmp(what, "equal texts") == 0) small_put(v, "a", 0, STERNA_TOKEN_NORMAL);
    if (strcmp(what, "bad UTF-8") == 0) small_put(v, "\xFF\xC3", 0, STERNA_TOKEN_NORMAL);
    if (strcmp(what, "empty text") == 0) small_put(v, "", 0, STERNA_TOKEN_USER_DEFINED);
}

static void names_what_is_wrong(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    static small_vocab v;
    for (size_t i = 0; i < STERNA_COUNT(spoil_rows); i++) {
        const spoil_row *row = &spoil_rows[i];
        if (row->spm) {
            small_spm(&v, 2, 20, true);
        } else {
            small_bpe(&v, "gpt-2", 2, 20);
        }
        spoil(&v, row->what);
        sterna_tokenizer *tokenizer = NULL;
        sterna_fault fault = {0};
        sterna_status status = sterna_tokenizer_create(&v.vocab, &tokenizer, &fault);
        bool right = status == row->status && (tokenizer != NULL) == (status == STERNA_OK) &&
                     (!row->names || strstr(fault.text, row->names));
        if (!EXPECT(t, right))
            sterna_test_note(t, "%s: status %d, \"%s\"", row->what, (int)status, fault.text);
        if (tokenizer) {
            sterna_token_list list = {0};
            EXPECT(t, sterna_tokenizer_encode(tokenizer, "a abc", 5, 3, &list, NULL) == STERNA_OK);
            if (strcmp(row->what, "equal texts") == 0)
                EXPECT(t, sterna_tokenizer_find(tokenizer, "a", 1) < v.vocab.count - 1);
            sterna_token_list_free(&list);
        }
        sterna_tokenizer_free(tokenizer);
        EXPECT(t, sterna_mem_live() == live);
    }
}

/* Ids outside the vocabulary decode to nothing and have no type. */
static void strange_ids_are_harmless(sterna_test *t)
{
    static small_vocab v;
    small_bpe(&v, "gpt-2", 1, 10);
    sterna_tokenizer *tokenizer;
    CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
    uint32_t ids[] = {v.vocab.count, STERNA_TOKEN_NONE, 0x80000000u};
    for (size_t i = 0; i < STERNA_COUNT(ids); i++) {
        CHECK(t, sterna_tokenizer_piece(tokenizer, ids[i], STERNA_DECODE_SPECIAL).bytes == 0);
        CHECK(t, sterna_tokenizer_stored(tokenizer, ids[i]).bytes == 0);
        CHECK(t, sterna_tokenizer_type(tokenizer, ids[i]) == STERNA_TOKEN_UNDEFINED);
        CHECK(t, !sterna_tokenizer_is_end(tokenizer, ids[i]));
    }
    CHECK(t, sterna_tokenizer_is_end(tokenizer, 0));
    CHECK(t, sterna_tokenizer_piece(tokenizer, 0, 0).bytes == 0);
    CHECK(t, sterna_tokenizer_piece(tokenizer, 0, STERNA_DECODE_SPECIAL).bytes == 5);
    sterna_tokenizer_free(tokenizer);
}

/* Quadratic work on any of these would take minutes. */
static void long_texts_and_tokens(sterna_test *t)
{
    enum { LENGTH = 400000 };
    static small_vocab v;
    static char text[LENGTH], token[200000];
    memset(token, 'a', sizeof token);
    for (uint32_t i = 0; i < 6; i++) {
        bool spm = i & 1;
        if (spm) {
            small_spm(&v, 3, 60, false);
        } else {
            small_bpe(&v, "llama-bpe", 3, 60);
        }
        for (size_t k = 0; k < LENGTH; k++) text[k] = i < 2 ? 'a' : i < 4 ? ' ' : "ab"[k & 1];
        /* A token as long as half the text; user-defined in the last rounds, so that it is searched for. */
        uint32_t id = v.vocab.count++;
        v.tokens[id] = (sterna_token_text){token, sizeof token};
        v.types[id] = i < 4 ? STERNA_TOKEN_NORMAL : STERNA_TOKEN_USER_DEFINED;
        sterna_tokenizer *tokenizer;
        CHECK(t, sterna_tokenizer_create(&v.vocab, &tokenizer, NULL) == STERNA_OK);
        sterna_token_list list = {0};
        CHECK(t, sterna_tokenizer_encode(tokenizer, text, LENGTH, 0, &list, NULL) == STERNA_OK);
        size_t bytes = 0;
        for (size_t k = 0; k < list.count; k++)
            bytes += sterna_tokenizer_piece(tokenizer, list.ids[k], 0).bytes;
        CHECK(t, bytes == (size_t)LENGTH + (spm ? 1 : 0));
        sterna_token_list_free(&list);
        sterna_tokenizer_free(tokenizer);
    }
}

/* Creation and encoding with the n-th allocation refused, for every n: MEMORY, no leak, the list as before. */
static void every_allocation_fails(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    static small_vocab v;
    const char *text =
        "ab cab <end> dd \xC3\xA9 abcabc aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb<mark>a";
    for (int spm = 0; spm < 2; spm++) {
        if (spm) {
            small_spm(&v, 4, 40, true);
        } else {
            small_bpe(&v, "llama-bpe", 4, 40);
        }
        small_put(&v, "<mark>", 0, STERNA_TOKEN_USER_DEFINED);
        uint64_t n = 1;
        for (bool failed = true; failed; n++) {
            sterna_tokenizer *tokenizer = NULL;
            sterna_token_list list = {0};
            sterna_fault fault = {0};
            sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
            sterna_status status = sterna_tokenizer_create(&v.vocab, &tokenizer, &fault);
            if (status == STERNA_OK)
                status = sterna_tokenizer_encode(tokenizer, text, strlen(text), STERNA_ENCODE_SPECIAL, &list,
                                                 &fault);
            failed = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
            sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
            CHECK_MSG(t, status == (failed ? STERNA_MEMORY : STERNA_OK), "allocation %llu: status %d, %s",
                      (unsigned long long)n, (int)status, fault.text);
            CHECK(t, !failed || (list.count == 0 && fault.status == STERNA_MEMORY));
            sterna_token_list_free(&list);
            sterna_tokenizer_free(tokenizer);
            CHECK_MSG(t, sterna_mem_live() == live, "allocation %llu leaves blocks", (unsigned long long)n);
        }
        CHECK_MSG(t, n > 20, "only %llu allocations", (unsigned long long)n);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"merges_as_the_oracle", merges_as_the_oracle, 0},
    {"special_tokens_as_the_oracle", special_tokens_as_the_oracle, 0},
    {"any_bytes_come_back", any_bytes_come_back, 0},
    {"bytes_map_is_a_bijection", bytes_map_is_a_bijection, 0},
    {"affixes_and_prefix_space", affixes_and_prefix_space, 0},
    {"text_never_becomes_a_control_token", text_never_becomes_a_control_token, 0},
    {"bytes_without_a_token", bytes_without_a_token, 0},
    {"names_what_is_wrong", names_what_is_wrong, 0},
    {"strange_ids_are_harmless", strange_ids_are_harmless, 0},
    {"long_texts_and_tokens", long_texts_and_tokens, 60},
    {"every_allocation_fails", every_allocation_fails, 0},
    {0},
};
