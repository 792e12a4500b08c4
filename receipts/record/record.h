/* Recording a generation as it happens. Owns: listening to a session's events, the facts about device,
 * program and machine. Leaves to others: signing and judging.
 *
 * Nothing here can be told what ran: prompt, tokens and logits come from the session's events, kernels and
 * their hashes from the device's dispatch, model and program from their files. A run that failed has no
 * receipt. */
#ifndef STERNA_RECORD_H
#define STERNA_RECORD_H

#include "cli/about.h"
#include "format/keys.h"
#include "format/receipt.h"
#include "sterna.h"

typedef struct sterna_record sterna_record;

/* Begins to listen; the session must be empty and stay open until sterna_record_end(). Before that it compares the
 * device with the reference (sterna_session_verify) and computes the model's Merkle root if nobody has. `kind` is "run"
 * or "bench". */
sterna_status sterna_record_begin(sterna_session *session, const sterna_generate_params *params,
                                  const char *kind, const sterna_build *build, bool strict,
                                  sterna_record **record, sterna_fault *fault);
/* After a generation that succeeded: fills *receipt (sterna_receipt_free) and measures the machine's read bandwidth. The
 * kernels are those of the whole session. FAILED when what was heard is not one generation. */
sterna_status sterna_record_end(sterna_record *record, const sterna_generate_result *result,
                                sterna_receipt *receipt, sterna_fault *fault);
/* Stops nothing: free it after the session is closed or no longer runs. NULL is allowed. */
void sterna_record_free(sterna_record *record);

/* For receipts of other kinds: the facts about device, build and host, and the kernels that ran on the
 * device. */
sterna_status sterna_record_facts(const char *snapshot, const sterna_device_info *info,
                                  sterna_profile profile, const sterna_kernel_use *uses, uint32_t n_uses,
                                  const sterna_build *build, bool strict, sterna_receipt *receipt,
                                  sterna_fault *fault);

/* Writes the receipt into its envelope, signed when key is not NULL, and puts the file in place at once. */
sterna_status sterna_receipt_save(const sterna_receipt *receipt, const sterna_secret_key *key,
                                  const char *path, sterna_fault *fault);

/* Bytes per second that `threads` threads can read from memory of `bytes` bytes (1 to 256 MiB of it): the sum of what
 * each reached in its best round. MEMORY when that much cannot be had. */
sterna_status sterna_measure_bandwidth(uint64_t bytes, uint32_t threads, double *bytes_per_second,
                                       sterna_fault *fault);

#endif
