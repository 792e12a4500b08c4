/* A program around libsterna: writes a text with a model and prints the digest of its bits.
 * Owns: the shortest whole use of sterna.h. Build: cc embed.c $(pkg-config --cflags --libs sterna) */
#include <stdio.h>
#include <sterna.h>
#include <string.h>

typedef struct writer {
    const sterna_model *model;
} writer;

static sterna_status print_token(void *context, uint32_t token)
{
    const writer *w = context;
    char bytes[256];
    size_t n = sterna_token_bytes(w->model, token, bytes, sizeof bytes);
    return n <= sizeof bytes && fwrite(bytes, 1, n, stdout) == n ? STERNA_OK : STERNA_FAILED;
}

/* Everything that can fail, in order; the caller releases what was made. */
static sterna_status write_text(const char *path, const char *prompt, sterna_model **model,
                                sterna_session **session, sterna_digest **digest, sterna_fault *fault)
{
    uint8_t root[32];
    uint32_t ids[256];
    size_t n = 0;
    sterna_status status = sterna_model_open(path, model, fault);
    if (status == STERNA_OK) status = sterna_model_hash(*model, 1, root, fault);
    if (status == STERNA_OK)
        status = sterna_tokenize(*model, prompt, strlen(prompt), STERNA_TOKENIZE_BOS, ids, 256, &n, fault);
    sterna_session_params params = {.size = sizeof params, .device = "cpu", .n_ctx = 128};
    if (status == STERNA_OK) status = sterna_session_open(*model, &params, session, fault);
    if (status == STERNA_OK) status = sterna_digest_attach(*session, root, 0, digest, fault);
    if (status != STERNA_OK) return status;

    writer w = {*model};
    sterna_generate_result result = {.size = sizeof result};
    sterna_generate_params generate = {.size = sizeof generate,
                                       .prompt = ids,
                                       .n_prompt = (uint32_t)n,
                                       .n_predict = 24,
                                       .sampling = {.size = sizeof generate.sampling, .top_p = 1.0f}};
    printf("%s", prompt);
    return sterna_generate(*session, &generate, print_token, &w, &result, fault);
}

int main(int argc, char **argv)
{
    sterna_model *model = NULL;
    sterna_session *session = NULL;
    sterna_digest *digest = NULL;
    sterna_fault fault = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: embed MODEL PROMPT\n");
        return 2;
    }
    sterna_status status = write_text(argv[1], argv[2], &model, &session, &digest, &fault);
    if (status == STERNA_OK) {
        uint8_t value[32];
        uint32_t tokens = sterna_digest_get(digest, value);
        printf("\n%u tokens, digest ", tokens);
        for (int i = 0; i < 32; i++) printf("%02x", value[i]);
        printf("\n");
    } else {
        fprintf(stderr, "embed: %s\n", fault.text[0] ? fault.text : sterna_status_text(status));
    }
    sterna_session_close(session);
    sterna_digest_free(digest);
    sterna_model_close(model);
    return status == STERNA_OK ? 0 : 1;
}
