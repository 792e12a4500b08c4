/* From a receipt in memory to a file that is there whole or not at all. */
#include "base/mem.h"
#include "base/sys.h"
#include "format/envelope.h"
#include "record/record.h"

static sterna_status write_file(const char *path, const char *text, size_t bytes, sterna_fault *fault)
{
    sterna_writer *writer;
    sterna_status status = sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    status = sterna_writer_write(writer, text, bytes, fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

sterna_status sterna_receipt_save(const sterna_receipt *receipt, const sterna_secret_key *key,
                                  const char *path, sterna_fault *fault)
{
    char *payload, *text;
    size_t payload_bytes, text_bytes;
    sterna_status status = sterna_receipt_write(receipt, &payload, &payload_bytes, fault);
    if (status != STERNA_OK) return status;
    status = sterna_envelope_write(payload, payload_bytes, key, &text, &text_bytes, fault);
    sterna_free(payload);
    if (status != STERNA_OK) return status;
    status = write_file(path, text, text_bytes, fault);
    sterna_free(text);
    return status;
}
