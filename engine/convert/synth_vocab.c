/* Vocabularies in which every token can be reached by merging: each is a join of an earlier token and a
 * character. Owns: the enumeration. Leaves to others: nothing real is said with them. */
#include "convert/synth_vocab.h"
#include "base/mem.h"
#include "token/bytes_map.h"
#include "token/tokenizer.h"
#include <stdio.h>
#include <string.h>

/* Growing tables of one vocabulary. All texts lie in one block; a token takes at most ROOM bytes of it. */
enum { ROOM = 24 };

typedef struct vocab_builder {
    sterna_gguf_text *tokens, *merges;
    int32_t *types;
    float *scores;
    char *pool;
    size_t used;
    uint32_t count, merge_count;
} vocab_builder;

static bool begin(vocab_builder *b, uint32_t count)
{
    b->tokens = sterna_alloc(count, sizeof b->tokens[0]);
    b->merges = sterna_alloc(count, sizeof b->merges[0]);
    b->types = sterna_alloc(count, sizeof b->types[0]);
    b->scores = sterna_alloc(count, sizeof b->scores[0]);
    b->pool = sterna_alloc(2 * (size_t)count, ROOM);
    return b->tokens && b->merges && b->types && b->scores && b->pool;
}

static void end(vocab_builder *b)
{
    sterna_free(b->tokens);
    sterna_free(b->merges);
    sterna_free(b->types);
    sterna_free(b->scores);
    sterna_free(b->pool);
}

static sterna_gguf_text keep(vocab_builder *b, const char *text, size_t bytes)
{
    char *at = b->pool + b->used;
    memcpy(at, text, bytes);
    b->used += bytes;
    return (sterna_gguf_text){at, bytes};
}

static void add(vocab_builder *b, const char *text, size_t bytes, int32_t type, float score)
{
    b->tokens[b->count] = keep(b, text, bytes);
    b->types[b->count] = type;
    b->scores[b->count++] = score;
}

/* left + right as a token, with its merge. */
static void add_join(vocab_builder *b, uint32_t left, uint32_t right, float score)
{
    char text[2 * ROOM];
    sterna_gguf_text l = b->tokens[left], r = b->tokens[right];
    memcpy(text, l.data, l.length);
    memcpy(text + l.length, r.data, r.length);
    add(b, text, l.length + r.length, STERNA_TOKEN_NORMAL, score);
    int n = snprintf(text, sizeof text, "%.*s %.*s", (int)l.length, l.data, (int)r.length, r.data);
    b->merges[b->merge_count++] = keep(b, text, (size_t)n);
}

static void put_ids(sterna_gguf_writer *writer, uint32_t bos, uint32_t eos)
{
    sterna_gguf_put_u32(writer, "tokenizer.ggml.bos_token_id", bos);
    sterna_gguf_put_u32(writer, "tokenizer.ggml.eos_token_id", eos);
    sterna_gguf_put_bool(writer, "tokenizer.ggml.add_bos_token", true);
}

/* Printable ASCII first, so that the first joins are readable and small vocabularies say something. */
static uint8_t byte_in_order(uint32_t i)
{
    return (uint8_t)(i < 95 ? i + 32 : i < 127 ? i - 95 : i);
}

sterna_status sterna_synth_vocab_bpe(sterna_gguf_writer *writer, uint32_t count)
{
    vocab_builder b = {0};
    sterna_status status = begin(&b, count) ? STERNA_OK : STERNA_MEMORY;
    if (status == STERNA_OK) {
        char text[2];
        for (uint32_t i = 0; i < 256; i++)
            add(&b, text, sterna_bytes_map_encode(byte_in_order(i), text), STERNA_TOKEN_NORMAL, 0);
        /* Token 256 + n joins token n / 256 and byte n % 256: two bytes first, then three, all different. */
        for (uint32_t n = 0; b.count < count - 2; n++) add_join(&b, n / 256, n % 256, 0);
        add(&b, "<|begin|>", 9, STERNA_TOKEN_CONTROL, 0);
        add(&b, "<|end|>", 7, STERNA_TOKEN_CONTROL, 0);
        sterna_gguf_put_string(writer, "tokenizer.ggml.model", "gpt2", 4);
        sterna_gguf_put_string(writer, "tokenizer.ggml.pre", "llama-bpe", 9);
        sterna_gguf_put_strings(writer, "tokenizer.ggml.tokens", b.tokens, b.count);
        sterna_gguf_put_array(writer, "tokenizer.ggml.token_type", STERNA_GGUF_I32, b.types, b.count);
        sterna_gguf_put_strings(writer, "tokenizer.ggml.merges", b.merges, b.merge_count);
        put_ids(writer, count - 2, count - 1);
    }
    end(&b);
    return status;
}

sterna_status sterna_synth_vocab_spm(sterna_gguf_writer *writer, uint32_t count)
{
    enum { LETTERS = 95 };
    vocab_builder b = {0};
    sterna_status status = begin(&b, count) ? STERNA_OK : STERNA_MEMORY;
    if (status == STERNA_OK) {
        add(&b, "<unk>", 5, STERNA_TOKEN_UNKNOWN, 0);
        add(&b, "<s>", 3, STERNA_TOKEN_CONTROL, 0);
        add(&b, "</s>", 4, STERNA_TOKEN_CONTROL, 0);
        for (uint32_t i = 0; i < 256; i++) {
            char text[8];
            int n = snprintf(text, sizeof text, "<0x%02X>", i);
            add(&b, text, (size_t)n, STERNA_TOKEN_BYTE, 0);
        }
        /* U+2581, then the letters before the other printable characters. */
        uint32_t first = b.count;
        add(&b, "\xE2\x96\x81", 3, STERNA_TOKEN_NORMAL, -1e6f);
        for (uint32_t i = 1; i < LETTERS && b.count < count; i++) {
            char c = (char)('!' + (i - 1 + 'a' - '!') % (LETTERS - 1));
            add(&b, &c, 1, STERNA_TOKEN_NORMAL, -1e6f);
        }
        /* Token first + LETTERS + n joins token first + n / 94 and a character that is no space. */
        for (uint32_t n = 0; b.count < count; n++)
            add_join(&b, first + n / (LETTERS - 1), first + 1 + n % (LETTERS - 1), -(float)n);
        sterna_gguf_put_string(writer, "tokenizer.ggml.model", "llama", 5);
        sterna_gguf_put_string(writer, "tokenizer.ggml.pre", "default", 7);
        sterna_gguf_put_strings(writer, "tokenizer.ggml.tokens", b.tokens, b.count);
        sterna_gguf_put_array(writer, "tokenizer.ggml.scores", STERNA_GGUF_F32, b.scores, b.count);
        sterna_gguf_put_array(writer, "tokenizer.ggml.token_type", STERNA_GGUF_I32, b.types, b.count);
        sterna_gguf_put_u32(writer, "tokenizer.ggml.unknown_token_id", 0);
        put_ids(writer, 1, 2);
    }
    end(&b);
    return status;
}
