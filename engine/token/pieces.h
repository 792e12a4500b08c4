/* What each token stands for in bytes. Owns: decoding, done once at creation. */
#ifndef STERNA_PIECES_H
#define STERNA_PIECES_H

#include "token/token_internal.h"

/* The byte of a text of the form <0xNN>, else -1. */
int sterna_piece_byte(sterna_token_text text);
/* Fills tokenizer->pieces and piece_at from tokens and types; MEMORY. */
sterna_status sterna_pieces_create(sterna_tokenizer *tokenizer);

#endif
