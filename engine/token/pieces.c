/* Decoded texts of all tokens in one block, so that decoding a token is two loads.
 * Owns: undoing U+2581, the byte map and <0xNN>. Leaves to others: sequences cut between tokens
 * (utf8_stream.c). */
#include "token/pieces.h"
#include "base/mem.h"
#include "base/size.h"
#include "token/bytes_map.h"
#include "token/utf8.h"
#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sterna_piece_byte(sterna_token_text text)
{
    if (text.bytes != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>') return -1;
    int high = hex(text.data[3]), low = hex(text.data[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static size_t copy(sterna_token_text text, char *out)
{
    if (text.bytes > 0) memcpy(out, text.data, text.bytes);
    return text.bytes;
}

/* U+2581 is a space, everything else itself. */
static size_t decode_spm(sterna_token_text text, char *out)
{
    size_t n = 0;
    for (size_t at = 0; at < text.bytes;) {
        bool space = text.bytes - at >= 3 && memcmp(text.data + at, "\xE2\x96\x81", 3) == 0;
        out[n++] = space ? ' ' : text.data[at];
        at += space ? 3 : 1;
    }
    return n;
}

/* Characters of the byte map are their byte; others, which no right vocabulary has, are kept. */
static size_t decode_bpe(sterna_token_text text, char *out)
{
    size_t n = 0;
    for (size_t at = 0; at < text.bytes;) {
        sterna_utf8_step step = sterna_utf8_next((const uint8_t *)text.data + at, text.bytes - at);
        int byte = step.verdict == STERNA_UTF8_VALID ? sterna_bytes_map_decode(step.code) : -1;
        if (byte >= 0) {
            out[n++] = (char)byte;
        } else {
            memcpy(out + n, text.data + at, step.bytes);
            n += step.bytes;
        }
        at += step.bytes;
    }
    return n;
}

sterna_status sterna_pieces_create(sterna_tokenizer *tokenizer)
{
    uint64_t bytes = 0;
    for (uint32_t id = 0; id < tokenizer->count; id++)
        if (!sterna_add_u64(bytes, tokenizer->tokens[id].bytes, &bytes)) return STERNA_MEMORY;
    if (bytes > SIZE_MAX) return STERNA_MEMORY;
    tokenizer->pieces = sterna_alloc((size_t)bytes, 1);
    tokenizer->piece_at = sterna_alloc((size_t)tokenizer->count + 1, sizeof tokenizer->piece_at[0]);
    if (!tokenizer->pieces || !tokenizer->piece_at) return STERNA_MEMORY;
    uint64_t at = 0;
    for (uint32_t id = 0; id < tokenizer->count; id++) {
        sterna_token_text text = tokenizer->tokens[id];
        char *out = tokenizer->pieces + at;
        tokenizer->piece_at[id] = at;
        switch ((sterna_token_type)tokenizer->types[id]) {
        case STERNA_TOKEN_CONTROL:
        case STERNA_TOKEN_UNKNOWN:
        case STERNA_TOKEN_USER_DEFINED:
            at += copy(text, out);
            break;
        case STERNA_TOKEN_BYTE:
            *out = (char)sterna_piece_byte(text);
            at += 1;
            break;
        case STERNA_TOKEN_UNDEFINED:
        case STERNA_TOKEN_NORMAL:
        case STERNA_TOKEN_UNUSED:
            at += tokenizer->is_bpe ? decode_bpe(text, out) : decode_spm(text, out);
            break;
        }
    }
    tokenizer->piece_at[tokenizer->count] = at;
    return STERNA_OK;
}

sterna_token_text sterna_tokenizer_piece(const sterna_tokenizer *tokenizer, uint32_t id, uint32_t flags)
{
    if (id >= tokenizer->count) return (sterna_token_text){"", 0};
    bool hidden =
        tokenizer->types[id] == STERNA_TOKEN_CONTROL || tokenizer->types[id] == STERNA_TOKEN_UNKNOWN;
    if (hidden && !(flags & STERNA_DECODE_SPECIAL)) return (sterna_token_text){"", 0};
    uint64_t at = tokenizer->piece_at[id];
    return (sterna_token_text){tokenizer->pieces + at, (size_t)(tokenizer->piece_at[id + 1] - at)};
}

size_t sterna_tokenizer_prefix_bytes(const sterna_tokenizer *tokenizer, const uint32_t *ids, size_t count)
{
    if (!tokenizer->add_space_prefix) return 0;
    for (size_t i = 0; i < count; i++) {
        sterna_token_text piece = sterna_tokenizer_piece(tokenizer, ids[i], 0);
        if (piece.bytes == 0) continue;
        bool user = tokenizer->types[ids[i]] == STERNA_TOKEN_USER_DEFINED;
        return !user && piece.data[0] == ' ';
    }
    return 0;
}
