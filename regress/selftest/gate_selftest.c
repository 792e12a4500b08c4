/* How good is the gate on this machine, now? Runs it against a program that is 10 % slower and against the same code
 * built again, and prints the rates with their bounds (Clopper and Pearson). Owns: counting. Leaves to others: the gate.
 * usage: gate_selftest SLOW-TRIALS NULL-TRIALS MODEL      exit: 0 all as wanted, 1 a miss or a false alarm, 2 usage */
#include "base/mem.h"
#include "base/sys.h"
#include "gate/gate_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIN STERNA_BINARY_DIR "/bin/"

typedef struct trial {
    const char *what, *base, *head, *extra; /* extra: one more flag */
    int wanted;                             /* exit code */
} trial;

/* Runs one comparison many times; returns how often the exit code was another than wanted. */
static uint32_t repeat(const trial *t, uint32_t trials, const char *model)
{
    uint32_t wrong = 0;
    double began = sterna_sys_now();
    for (uint32_t i = 0; i < trials; i++) {
        char seed[16], *text = NULL;
        const char *arguments[] = {BIN "sterna",
                                   "gate",
                                   t->base,
                                   t->head,
                                   "-m",
                                   model,
                                   "-p",
                                   "64",
                                   "-n",
                                   "32",
                                   "--suite",
                                   "all",
                                   "--only",
                                   "pp64,tg32,file,text,kernel/rmsnorm,kernel/rope,"
                                   "kernel/quant_block,kernel/add,kernel/glu,"
                                   "kernel/matmul_ternary",
                                   "-s",
                                   seed,
                                   "-t",
                                   "1",
                                   t->extra,
                                   NULL};
        size_t bytes;
        int code = -1;
        sterna_fault fault = {0};
        snprintf(seed, sizeof seed, "%u", 1000 * (i + 1));
        if (sterna_gate_spawn(arguments[0], arguments, 0, &text, &bytes, &code, &fault) != STERNA_OK)
            fprintf(stderr, "%s\n", fault.text);
        if (code != t->wanted) {
            wrong++;
            printf("%s: trial %u ended with %d, not %d\n%s", t->what, i + 1, code, t->wanted,
                   text ? text : "");
        }
        sterna_free(text);
        fflush(stdout);
    }
    sterna_interval bounds = sterna_stats_binomial(wrong, trials, 0.90); /* one-sided 95 % at either end */
    printf(
        "%-34s %3u of %3u as wanted; wrong in at most %4.1f %% of all cases (one-sided 95 %%); %.1f s each\n",
        t->what, trials - wrong, trials, 100 * bounds.high, (sterna_sys_now() - began) / trials);
    fflush(stdout);
    return wrong;
}

int main(int argc, char **argv)
{
    static const trial slow = {"10 % slower (exit 3)", BIN "sterna", BIN "sterna_slow", NULL, 3},
                       moved = {"same code, moved (exit 0)", BIN "sterna", BIN "sterna_moved",
                                "--ignore-code", 0},
                       rebuilt = {"same code, built again (exit 0)", BIN "sterna", BIN "sterna_again", NULL,
                                  0};
    uint32_t n_slow = argc == 4 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t n_null = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0, wrong = 0;
    if (n_slow == 0 || n_null == 0) {
        fprintf(stderr, "usage: gate_selftest SLOW-TRIALS NULL-TRIALS MODEL\n");
        return 2;
    }
    wrong += repeat(&slow, n_slow, argv[3]);
    wrong += repeat(&moved, n_null, argv[3]);
    wrong += repeat(&rebuilt, n_null, argv[3]);
    return wrong ? 1 : 0;
}
