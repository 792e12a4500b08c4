/* The signed envelope: whatever the bytes, a signature of our key holds for the one payload that was signed and for no
 * other. The seeds are signed with a key that is made from zeros, the same here and in seeds.c. */
#include "base/mem.h"
#include "format/envelope.h"
#include "fuzz.h"
#include "judge/verify.h"
#include "signed_seed.h"
#include <string.h>

int sterna_fuzz_envelope(const uint8_t *data, size_t size)
{
    static char *payload;
    static size_t payload_bytes;
    sterna_public_key key;
    sterna_secret_key secret;
    sterna_envelope envelope;
    sterna_fault fault = {0};
    if (!payload) {
        FUZZ_REQUIRE(sterna_fuzz_payload(&payload, &payload_bytes), "no payload");
        sterna_fuzz_on_release(sterna_fuzz_payload_free);
    }
    sterna_fuzz_key(&key, &secret);
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_envelope_parse((const char *)data, size, &envelope, &fault);
    if (status == STERNA_OK) {
        bool holds = false;
        status = sterna_envelope_verify(&envelope, &key, &holds, &fault);
        FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
        FUZZ_REQUIRE(!holds || (envelope.payload_bytes == payload_bytes &&
                                memcmp(envelope.payload, payload, payload_bytes) == 0),
                     "a signature holds for another payload");
    } else {
        sterna_fuzz_refusal("parse", status, &fault);
    }
    sterna_envelope_free(&envelope);
    const sterna_verify_params params = {.key = &key};
    sterna_verify_report report;
    status = sterna_verify_text((const char *)data, size, &params, &report);
    FUZZ_REQUIRE(status == STERNA_OK || report.fault.text[0], "%s without a sentence",
                 sterna_status_name(status));
    FUZZ_REQUIRE(status != STERNA_OK || report.key_holds, "valid without a signature");
    sterna_verify_free(&report);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
