/* JSON that is read before it is trusted. Owns: what counts as well-formed (RFC 8259, and stricter: below).
 * Leaves to others: what the values mean. The DOM is cJSON's; cJSON alone would take much that is not JSON. */
#ifndef STERNA_JSON_STRICT_H
#define STERNA_JSON_STRICT_H

#include "base/status.h"
#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* Reads text[0, bytes) as one JSON value. FILE, with line and column, for anything RFC 8259 does not have,
 * and for what readers disagree about: a key twice in an object, nesting beyond `depth`, bytes that are not
 * UTF-8, a NUL or a lone surrogate in a string, a number that is not finite or a whole number beyond 2^53 -
 * 1, more than `values` values. `what` names the text in messages. Release *root with cJSON_Delete. */
sterna_status sterna_json_strict(const char *what, const char *text, size_t bytes, uint32_t depth,
                                 uint64_t values, cJSON **root, sterna_fault *fault);

#endif
