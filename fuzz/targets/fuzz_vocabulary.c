/* Vocabularies out of any arrays: refused with a sentence, or usable on any text without leaving the
 * vocabulary. The input's head says how many tokens and merges there are; the rest is cut into their texts
 * and the text to encode. */
#include "base/mem.h"
#include "fuzz.h"
#include "token/tokenizer.h"
#include <string.h>

enum { MOST = 64 };

typedef struct arrays {
    sterna_token_text tokens[MOST], merges[MOST];
    float scores[MOST];
    int32_t types[MOST];
} arrays;

/* Byte tokens are hard to guess: short codes stand for them. */
static sterna_token_text take_text(sterna_fuzz_bytes *in, char spelled[8])
{
    static const char hex[] = "0123456789ABCDEF";
    uint8_t length = sterna_fuzz_take_u8(in);
    size_t n;
    if (length >= 0xF0) {
        uint8_t byte = sterna_fuzz_take_u8(in);
        memcpy(spelled, "<0x00>", 7);
        spelled[3] = hex[byte >> 4];
        spelled[4] = hex[byte & 15];
        return (sterna_token_text){spelled, 6};
    }
    const uint8_t *at = sterna_fuzz_take(in, length & 15, &n);
    return (sterna_token_text){(const char *)at, n};
}

/* Mostly small, sometimes anything: ids and types that matter are rarely far out. */
static uint32_t take_id(sterna_fuzz_bytes *in)
{
    uint8_t byte = sterna_fuzz_take_u8(in);
    return byte < 0x80 ? byte : byte < 0xF0 ? STERNA_TOKEN_NONE : sterna_fuzz_take_u32(in);
}

static void use(const sterna_tokenizer *tokenizer, const char *text, size_t bytes)
{
    for (uint32_t flags = 0; flags < 4; flags++) {
        sterna_token_list list = {0};
        sterna_fault fault = {0};
        sterna_status status = sterna_tokenizer_encode(tokenizer, text, bytes, flags, &list, &fault);
        FUZZ_REQUIRE(status == STERNA_OK || (status == STERNA_FILE && fault.text[0] && list.count == 0),
                     "%s: %s", sterna_status_name(status), fault.text);
        for (size_t i = 0; i < list.count; i++) {
            FUZZ_REQUIRE(list.ids[i] < sterna_tokenizer_count(tokenizer), "id %u", list.ids[i]);
            sterna_token_text piece = sterna_tokenizer_piece(tokenizer, list.ids[i], flags & 1);
            FUZZ_REQUIRE(piece.bytes == 0 || piece.data != NULL, "a piece without bytes");
            sterna_tokenizer_is_end(tokenizer, list.ids[i]);
        }
        FUZZ_REQUIRE(sterna_tokenizer_prefix_bytes(tokenizer, list.ids, list.count) <= 1, "a long prefix");
        sterna_token_list_free(&list);
    }
}

int sterna_fuzz_vocabulary(const uint8_t *data, size_t size)
{
    static const char *const pres[] = {"", "default", "gpt-2", "llama-bpe", "starcoder", "no such thing"};
    static char spelled[2 * MOST][8];
    arrays a;
    memset(&a, 0, sizeof a);
    sterna_fuzz_bytes in = {data, size};
    int64_t before = sterna_mem_bytes();
    uint8_t head = sterna_fuzz_take_u8(&in), choices = sterna_fuzz_take_u8(&in);
    const char *pre = pres[(head >> 1) % 6];
    sterna_vocab vocab = {.model =
                              head & 1 ? (sterna_token_text){"gpt2", 4} : (sterna_token_text){"llama", 5},
                          .pre = {pre, strlen(pre)},
                          .count = sterna_fuzz_take_u8(&in) % MOST,
                          .merge_count = sterna_fuzz_take_u8(&in) % MOST,
                          .tokens = a.tokens,
                          .merges = a.merges,
                          .scores = choices & 64 ? NULL : a.scores,
                          .types = choices & 128 ? NULL : a.types,
                          .add_bos = (sterna_choice)(choices % 3),
                          .add_eos = (sterna_choice)(choices / 3 % 3),
                          .add_space_prefix = (sterna_choice)(choices / 9 % 3)};
#define X(name, key, used) vocab.ids.name = take_id(&in);
    STERNA_TOKEN_IDS(X)
#undef X
    for (uint32_t i = 0; i < vocab.count; i++) {
        uint8_t kind = sterna_fuzz_take_u8(&in);
        a.types[i] = kind < 0xF0 ? kind % 7 : (int32_t)sterna_fuzz_take_u32(&in);
        if (kind >= 0xE0) {
            uint32_t bits = sterna_fuzz_take_u32(&in);
            memcpy(&a.scores[i], &bits, sizeof bits);
        } else {
            a.scores[i] = -(float)(kind / 7);
        }
        a.tokens[i] = take_text(&in, spelled[i]);
    }
    for (uint32_t i = 0; i < vocab.merge_count; i++) a.merges[i] = take_text(&in, spelled[MOST + i]);
    sterna_tokenizer *tokenizer = NULL;
    sterna_fault fault = {0};
    sterna_status status = sterna_tokenizer_create(&vocab, &tokenizer, &fault);
    if (status == STERNA_OK)
        use(tokenizer, (const char *)in.data, in.left);
    else
        sterna_fuzz_refusal("create", status, &fault);
    sterna_tokenizer_free(tokenizer);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
