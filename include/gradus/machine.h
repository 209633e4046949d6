/* machine.h: what this machine is, and how fast it can be: the limits that a step's time is held
 * against.
 *
 *     gr_machine_speed speed;
 *     gr_machine_measure(2, 1.0, &speed);
 *     double least = gr_machine_limit(&speed, 2e9, 4e6);   // seconds for 2 Gflop on 4 MB
 */
#ifndef GRADUS_MACHINE_H
#define GRADUS_MACHINE_H

#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a program runs on. */
typedef struct gr_machine {
    char cpu[64];       /* the processor's name for itself; "" if it has none */
    const char *level;  /* of the kernels in use: "base", "avx2", "avx512" */
    int threads;        /* that a session gets unless told otherwise */
    const char *module; /* "oneDNN 2.6.3"; NULL: none can be loaded, or GRADUS_ONEDNN=0 */
} gr_machine;

/* Loads the oneDNN module, if there is one, to ask its version (some 3 ms). Texts are static. */
GR_API gr_machine gr_machine_info(void);

/* A level of the memory and its speed with all the threads of the measurement. */
typedef struct gr_memory_speed {
    char name[8];  /* "L1", "L2", "L3", "DRAM" */
    size_t bytes;  /* of the cache: for all threads together; 0 for DRAM: no limit */
    double read;   /* bytes a second of a sum over a vector */
    double triad;  /* of a = b + s·c, counting each of the three once (McCalpin 1995) */
    double update; /* of a = s·a, counting a twice: what is read need not be brought for writing */
} gr_memory_speed;

/* Plain data: it may be kept in a file. */
typedef struct gr_machine_speed {
    int threads;              /* that were measured together */
    double fma;               /* f32 operations a second of a loop of multiply-adds in registers */
    double matmul;            /* of our own product of two 1024×1024 matrices */
    double module_matmul;     /* of the oneDNN module's; 0: there is no module */
    int levels;               /* of the memory, the DRAM included */
    gr_memory_speed level[4]; /* fastest first */
} gr_machine_speed;

/* Measures for about `seconds`, with that many threads (0: as many as a session gets). Each figure
 * is the best of many short runs: what the machine can do, not what it does beside other programs.
 * Takes up to 256 MiB for the time. GR_INVALID, GR_NO_MEMORY. */
GR_API gr_status gr_machine_measure(int threads, double seconds, gr_machine_speed *speed);

/* Operations a second: the best of the three figures. */
GR_API double gr_machine_peak(const gr_machine_speed *speed);
/* Bytes a second of the fastest level that holds `bytes`. */
GR_API double gr_machine_bandwidth(const gr_machine_speed *speed, double bytes);
/* The roofline (Williams et al. 2009): the least seconds for work that computes `flops` and moves
 * `bytes`, all of them once: the longer of the two. */
GR_API double gr_machine_limit(const gr_machine_speed *speed, double flops, double bytes);

#ifdef __cplusplus
}
#endif
#endif
