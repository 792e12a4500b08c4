/* Made-up vocabularies of any size. Owns: their tokens and merges. */
#ifndef STERNA_SYNTH_VOCAB_H
#define STERNA_SYNTH_VOCAB_H

#include "gguf/gguf.h"

/* Puts the tokenizer.ggml keys of a byte-level BPE vocabulary: 256 bytes, joins of them with their merges,
 * and the control tokens <|begin|> and <|end|> as the last two. count is 320 to 2^23. MEMORY. */
sterna_status sterna_synth_vocab_bpe(sterna_gguf_writer *writer, uint32_t count);
/* The same for SentencePiece: <unk>, <s>, </s>, 256 byte tokens, characters and joins of them. count is 320
 * to 2^19. */
sterna_status sterna_synth_vocab_spm(sterna_gguf_writer *writer, uint32_t count);

#endif
