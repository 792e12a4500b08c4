/* Is this device what it says? One short pass of the session's own plan, compared with the reference. */
#include "base/mem.h"
#include "session/session.h"
#include <string.h>

enum { ROWS = 2 };

static sterna_status run_rows(sterna_session *s, uint32_t rows, sterna_fault *fault)
{
    uint32_t ids[ROWS], positions[ROWS];
    for (uint32_t i = 0; i < rows; i++) {
        ids[i] = (i + 1) % s->model->h.n_vocab;
        positions[i] = i;
    }
    sterna_batch batch = {rows, ids, positions, NULL, NULL};
    return sterna_session_run(s, &batch, fault);
}

sterna_status sterna_session_verify(sterna_session *s, uint64_t *values, uint64_t *different,
                                    sterna_fault *fault)
{
    sterna_session *reference = NULL;
    uint32_t rows = s->params.n_ctx < ROWS ? s->params.n_ctx : ROWS, n_vocab = s->model->h.n_vocab;
    sterna_session_params params = {.size = sizeof params,
                                    .device = "cpu:scalar",
                                    .n_ctx = rows,
                                    .n_batch = rows,
                                    .kv_type = s->params.kv_type};
    *values = *different = 0;
    if (sterna_session_length(s, 0) != 0)
        return sterna_fail(fault, STERNA_USAGE,
                           "a device can be verified before the session is used, not after");
    sterna_fault refused = {0};
    sterna_status status = sterna_session_open(s->model, &params, &reference, &refused);
    if (status == STERNA_MEMORY) return STERNA_OK; /* no room for the reference beside this session */
    if (status != STERNA_OK) return sterna_fail(fault, status, "%s", refused.text);
    status = run_rows(reference, rows, fault);
    if (status == STERNA_OK) status = run_rows(s, rows, fault);
    if (status == STERNA_OK) {
        const float *want = sterna_session_logits(reference, 0), *got = sterna_session_logits(s, 0);
        for (uint32_t i = 0; i < n_vocab; i++) *different += memcmp(&want[i], &got[i], sizeof *got) != 0;
        *values = n_vocab;
        sterna_session_truncate(s, 0, 0);
    }
    sterna_session_close(reference);
    return status;
}
