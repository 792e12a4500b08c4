/* Text through the vocabularies of two models (SentencePiece BPE and byte-level BPE): any bytes encode to ids
 * of the vocabulary and decode to the same bytes; no text becomes a control token unless that was asked for. */
#include "base/mem.h"
#include "fuzz.h"
#include "gguf/gguf.h"
#include "token/tokenizer.h"
#include <string.h>

typedef struct book {
    const char *path;
    bool spaces; /* U+2581 in text means a space */
    sterna_gguf *file;
    sterna_tokenizer *tokenizer;
} book;

static book books[] = {
    {STERNA_SOURCE_DIR "/golden/models/stories260K-ff256-tq2_0.gguf", true, NULL, NULL},
    {STERNA_SOURCE_DIR "/golden/models/golden.gguf", false, NULL, NULL},
};

static void close_books(void)
{
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++) {
        sterna_tokenizer_free(books[i].tokenizer);
        sterna_gguf_close(books[i].file);
        books[i].tokenizer = NULL;
    }
}

static void open_book(book *b)
{
    sterna_fault fault = {0};
    if (b->tokenizer) return;
    if (b == books) sterna_fuzz_on_release(close_books);
    FUZZ_REQUIRE(sterna_gguf_open(b->path, STERNA_GGUF_MAP, &b->file, &fault) == STERNA_OK &&
                     sterna_tokenizer_from_gguf(b->file, &b->tokenizer, &fault) == STERNA_OK,
                 "%s", fault.text);
}

/* Compares what ids stand for with the text, in which U+2581 counts as a space where `spaces` says so. */
static void decodes(const book *b, const sterna_token_list *list, const char *text, size_t bytes)
{
    size_t at = 0, skip = sterna_tokenizer_prefix_bytes(b->tokenizer, list->ids, list->count);
    for (size_t i = 0; i < list->count; i++) {
        sterna_token_text piece = sterna_tokenizer_piece(b->tokenizer, list->ids[i], 0);
        for (size_t k = 0; k < piece.bytes; k++) {
            if (skip) {
                skip--;
                continue;
            }
            bool mark = b->spaces && bytes - at >= 3 && memcmp(text + at, "\xE2\x96\x81", 3) == 0;
            FUZZ_REQUIRE(at < bytes && piece.data[k] == (mark ? ' ' : text[at]),
                         "byte %zu of %zu does not come back (token %zu of %zu)", at, bytes, i, list->count);
            at += mark ? 3 : 1;
        }
    }
    FUZZ_REQUIRE(at == bytes, "%zu of %zu bytes come back", at, bytes);
}

static void encode(const book *b, const char *text, size_t bytes, uint32_t flags)
{
    sterna_token_list list = {0};
    sterna_fault fault = {0};
    sterna_status status = sterna_tokenizer_encode(b->tokenizer, text, bytes, flags, &list, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s: %s", sterna_status_name(status), fault.text);
    for (size_t i = 0; i < list.count; i++) {
        FUZZ_REQUIRE(list.ids[i] < sterna_tokenizer_count(b->tokenizer), "id %u", list.ids[i]);
        FUZZ_REQUIRE(flags || sterna_tokenizer_type(b->tokenizer, list.ids[i]) != STERNA_TOKEN_CONTROL,
                     "text became the control token %u", list.ids[i]);
    }
    if (!flags) decodes(b, &list, text, bytes);
    sterna_token_list_free(&list);
}

int sterna_fuzz_tokenizer(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++) open_book(&books[i]);
    int64_t before = sterna_mem_bytes();
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++) {
        encode(&books[i], (const char *)data, size, 0);
        encode(&books[i], (const char *)data, size, STERNA_ENCODE_AFFIXES | STERNA_ENCODE_SPECIAL);
    }
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
