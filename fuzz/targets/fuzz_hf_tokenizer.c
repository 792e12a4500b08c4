/* tokenizer.json: refused with a sentence, or tokenizer keys that make a file from which a tokenizer is built. */
#include "base/mem.h"
#include "convert/hf_tokenizer.h"
#include "fuzz.h"
#include "token/tokenizer.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Small, so that ids at its edge are a letter away. */
enum { VOCABULARY = 8 };

static void build(const char *path)
{
    sterna_gguf *file = NULL;
    sterna_tokenizer *tokenizer = NULL;
    sterna_token_list list = {0};
    sterna_fault fault = {0};
    sterna_status status = sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "the keys: %s", fault.text);
    status = sterna_tokenizer_from_gguf(file, &tokenizer, &fault);
    /* The converter passes tokens on; it is the tokenizer that judges merges and types. */
    if (status == STERNA_OK) {
        FUZZ_REQUIRE(sterna_tokenizer_count(tokenizer) == VOCABULARY, "%u tokens",
                     sterna_tokenizer_count(tokenizer));
        status = sterna_tokenizer_encode(tokenizer, "a b", 3, 0, &list, &fault);
        FUZZ_REQUIRE(status == STERNA_OK || status == STERNA_FILE, "%s", fault.text);
    } else {
        sterna_fuzz_refusal("build", status, &fault);
    }
    sterna_token_list_free(&list);
    sterna_tokenizer_free(tokenizer);
    sterna_gguf_close(file);
}

int sterna_fuzz_hf_tokenizer(const uint8_t *data, size_t size)
{
    const sterna_hf_config config = {
        .architecture = "bitnet-b1.58", .vocab = VOCABULARY, .bos = 0, .eos = UINT32_MAX};
    char path[64];
    sterna_gguf_writer *writer = NULL;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_gguf_writer_create(&writer, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
    status = sterna_hf_tokenizer_put(sterna_fuzz_file(data, size), &config, writer, &fault);
    if (status == STERNA_OK) {
        sterna_fuzz_scratch_path("tokenizer", path, sizeof path);
        status = sterna_gguf_writer_finish(writer, path, &fault);
        FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
        build(path);
        unlink(path);
    } else {
        sterna_fuzz_refusal("put", status, &fault);
    }
    sterna_gguf_writer_destroy(writer);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
