/* Vocabularies made up for tests. Owns: their construction. Header only; for the tests of this folder. */
#ifndef STERNA_SMALL_VOCAB_H
#define STERNA_SMALL_VOCAB_H

#include "base/philox.h"
#include "token/bytes_map.h"
#include "token/tokenizer.h"
#include <stdio.h>
#include <string.h>

enum { SMALL_TOKENS = 600, SMALL_MERGES = 300 };

typedef struct small_vocab {
    sterna_vocab vocab;
    sterna_token_text tokens[SMALL_TOKENS], merges[SMALL_MERGES];
    float scores[SMALL_TOKENS];
    int32_t types[SMALL_TOKENS];
    char pool[64 * 1024];
    size_t used;
} small_vocab;

static inline sterna_token_text small_text(small_vocab *v, const char *data, size_t bytes)
{
    char *at = v->pool + v->used;
    memcpy(at, data, bytes);
    v->used += bytes;
    return (sterna_token_text){at, bytes};
}

static inline uint32_t small_add(small_vocab *v, const char *data, size_t bytes, float score, int32_t type)
{
    uint32_t id = v->vocab.count++;
    v->tokens[id] = small_text(v, data, bytes);
    v->scores[id] = score;
    v->types[id] = type;
    return id;
}

static inline uint32_t small_put(small_vocab *v, const char *text, float score, int32_t type)
{
    return small_add(v, text, strlen(text), score, type);
}

static inline uint32_t small_find(const small_vocab *v, const char *data, size_t bytes)
{
    for (uint32_t id = 0; id < v->vocab.count; id++)
        if (v->tokens[id].bytes == bytes && memcmp(v->tokens[id].data, data, bytes) == 0) return id;
    return STERNA_TOKEN_NONE;
}

static inline void small_begin(small_vocab *v, const char *model, const char *pre)
{
    memset(v, 0, sizeof *v);
    v->vocab.model = (sterna_token_text){model, strlen(model)};
    v->vocab.pre = (sterna_token_text){pre, strlen(pre)};
    v->vocab.tokens = v->tokens;
    v->vocab.scores = v->scores;
    v->vocab.types = v->types;
    v->vocab.merges = v->merges;
#define X(name, key, used) v->vocab.ids.name = STERNA_TOKEN_NONE;
    STERNA_TOKEN_IDS(X)
#undef X
}

/* "left right", and its result as a token unless it is one. */
static inline void small_merge(small_vocab *v, sterna_token_text left, sterna_token_text right)
{
    char text[256];
    int n =
        snprintf(text, sizeof text, "%.*s %.*s", (int)left.bytes, left.data, (int)right.bytes, right.data);
    v->merges[v->vocab.merge_count++] = small_text(v, text, (size_t)n);
    memmove(text + left.bytes, text + left.bytes + 1, right.bytes);
    if (small_find(v, text, (size_t)n - 1) == STERNA_TOKEN_NONE)
        small_add(v, text, (size_t)n - 1, 0, STERNA_TOKEN_NORMAL);
}

/* Byte-level BPE: <end> (control, BOS and EOS), 256 bytes, then `merges` random merges of what is there,
 * mostly of the letters a to d, the space and the two bytes of e-acute, so that rules get into each other's
 * way. */
static inline void small_bpe(small_vocab *v, const char *pre, uint32_t seed, uint32_t merges)
{
    static const uint8_t busy[] = {'a', 'b', 'c', 'd', ' ', 0xC3, 0xA9};
    small_begin(v, "gpt2", pre);
    v->vocab.ids.bos = v->vocab.ids.eos = small_put(v, "<end>", 0, STERNA_TOKEN_CONTROL);
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[2];
        small_add(v, text, sterna_bytes_map_encode((uint8_t)byte, text), 0, STERNA_TOKEN_NORMAL);
    }
    for (uint32_t i = 0; i < merges; i++) {
        sterna_token_text side[2];
        sterna_philox r = sterna_philox4x32(seed, 17, i, 0, 0, 0);
        for (int k = 0; k < 2; k++) {
            uint32_t made = v->vocab.count - 257, pick = r.word[k] % (made + 7);
            side[k] = v->tokens[pick < made ? 257 + pick : 1u + busy[pick - made]];
        }
        if (side[0].bytes + side[1].bytes < 24) small_merge(v, side[0], side[1]);
    }
}

/* SPM: <unk>, <s>, </s>, 256 byte tokens, some letters and U+2581, then random joins of those with few
 * distinct scores. `apart`: no token has a space inside. */
static inline void small_spm(small_vocab *v, uint32_t seed, uint32_t joins, bool apart)
{
    static const char *const letters[] = {"\xE2\x96\x81", "a", "b", "c", "\xC3\xA9", "d"};
    small_begin(v, "llama", "");
    v->vocab.ids.unknown = small_put(v, "<unk>", 0, STERNA_TOKEN_UNKNOWN);
    v->vocab.ids.bos = small_put(v, "<s>", 0, STERNA_TOKEN_CONTROL);
    v->vocab.ids.eos = small_put(v, "</s>", 0, STERNA_TOKEN_CONTROL);
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", byte);
        small_put(v, text, 0, STERNA_TOKEN_BYTE);
    }
    uint32_t first = v->vocab.count;
    for (uint32_t i = 0; i < 6; i++) small_put(v, letters[i], -100.0f, STERNA_TOKEN_NORMAL);
    for (uint32_t i = 0; i < joins; i++) {
        sterna_philox r = sterna_philox4x32(seed, 18, i, 0, 0, 0);
        sterna_token_text a = v->tokens[first + r.word[0] % (v->vocab.count - first)];
        sterna_token_text b = v->tokens[first + r.word[1] % (v->vocab.count - first)];
        char text[64];
        if (a.bytes + b.bytes > 16 || (apart && memchr(b.data, '\xE2', b.bytes))) continue;
        memcpy(text, a.data, a.bytes);
        memcpy(text + a.bytes, b.data, b.bytes);
        if (small_find(v, text, a.bytes + b.bytes) == STERNA_TOKEN_NONE)
            small_add(v, text, a.bytes + b.bytes, -(float)(r.word[2] % 8), STERNA_TOKEN_NORMAL);
    }
}

#endif
