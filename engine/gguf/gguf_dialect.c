/* Tensor types whose numbers mean different things in different programs.
 * Owns: the rule. A number means what ggml says it means (formats.def); nothing in a file tells the dialects
 * apart, so a number that ggml has removed or never had is refused, with a word on who else uses it. 39 is
 * MXFP4 (TL2 in the BitNet fork) and 41 is Q1_0 (with the same layout elsewhere). */
#include "gguf/gguf_private.h"

const char *sterna_gguf_refused_type(uint32_t id)
{
    switch (id) {
    case 4:
    case 5:
        return "Q4_2 and Q4_3 were removed from ggml; convert the model again";
    case 31:
    case 32:
    case 33:
        return "the repacked Q4_0 types were removed from ggml; convert the model to Q4_0";
    case 36:
        return "removed from ggml (IQ4_NL_4_4); I2_S in BitNet forks, which have three byte layouts for it; "
               "convert "
               "the model to TQ2_0";
    case 37:
        return "removed from ggml (IQ4_NL_4_8); I8_S in BitNet forks; convert the model to TQ2_0";
    case 38:
        return "removed from ggml (IQ4_NL_8_8); TL1 in BitNet forks, readable only beside their tile "
               "configuration; convert the model to TQ2_0";
    default:
        break;
    }
    if (id >= 133 && id < 400) return "a type of ik_llama.cpp; convert the model to one of ggml's";
    return "no type of ggml's; the file is damaged or newer than this program";
}
