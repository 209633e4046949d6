/* profile.h: what a program consists of, and where its time goes.
 *
 *     gr_profile *profile;
 *     gr_profile_new(GR_PROFILE(.events = 100000), &profile);
 *     gr_session_profile(session, profile, "training");
 *     gr_session_steps(session, 100);
 *     for (int i = 0; i < gr_profile_section_info(profile, 0).rows; i++) {
 *         gr_profile_row row = gr_profile_row_info(profile, 0, i);
 *         printf("%s %g ms %g GFLOP/s\n", row.step.op, 1e3 * row.seconds,
 *                1e-9 * row.step.flops * (double)row.calls / row.seconds);
 *     }
 */
#ifndef GRADUS_PROFILE_H
#define GRADUS_PROFILE_H

#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The steps of a program ----------------------------------------------------------------- */

/* One kernel call of a step. Texts marked so may be NULL; pointers live as long as the object that
 * gave them. */
typedef struct gr_step_info {
    const char *op;        /* "conv"; "copy": the copies at the end of a step */
    const char *name;      /* of the node; NULL: none */
    const char *composite; /* "softmax_cross_entropy": the call that built it; NULL: none */
    const char *kernel;    /* "gemm-avx512" */
    gr_tensor out;         /* type and shape of the first result (data = NULL) */
    int outputs;           /* results; of a tuple several */
    char inputs[128];      /* types and shapes: "f32[64,800] f32[500,800]", cut with "…" */
    char body[128]; /* ops of a fused node or a loop: "mul, sigmoid, add"; "" if it has none */
    char home[64];  /* where the first result lies: "arena+4096", "variable fc1/weight" */
    bool inplace;   /* it lies where an operand lay */
    size_t scratch; /* bytes of the kernel's own memory */
    /* Nominal cost of one call, the same for every kernel: a multiply-add is two operations,
     * products with padding count, functions as exp count what their polynomials need. Each operand
     * and result is moved once; a fused node moves nothing within, a loop what its body moves. */
    double flops, bytes;
} gr_step_info;

/* Step `step` of the program, 0 to gr_program_plan().steps - 1. GR_RANGE, GR_NO_MEMORY; *info is
 * then empty. */
GR_API gr_status gr_program_step(const gr_program *program, int step, gr_step_info *info);

/* ---- Profiles -------------------------------------------------------------------------------- */

/* Times by step of any number of sessions, used by one thread at a time. */
typedef struct gr_profile gr_profile;

typedef struct gr_profile_options {
    size_t size; /* sizeof(gr_profile_options) */
    int64_t
        events; /* calls remembered one by one for gr_profile_trace, the newest; 24 bytes each */
} gr_profile_options;
#define GR_PROFILE(...) (&(gr_profile_options){.size = sizeof(gr_profile_options), __VA_ARGS__})

/* `options` may be NULL. GR_INVALID, GR_NO_MEMORY; *profile is then NULL. */
GR_API gr_status gr_profile_new(const gr_profile_options *options, gr_profile **profile);
/* Frees it. No session may be profiled by it any more. Accepts NULL. */
GR_API void gr_profile_free(gr_profile *profile);

/* From now on the session's steps are timed, kernel by kernel, in a new section of the profile with
 * a copy of that name. NULL stops it. A timed step reads the clock once per kernel (20 to 40 ns
 * each, taken off the figures); without a profile a step costs what it always does. What was
 * measured stays when the session goes. The profile must outlive the session, or be taken from it.
 * GR_NO_MEMORY: the session is then not profiled. */
GR_API gr_status gr_session_profile(gr_session *session, gr_profile *profile, const char *section);

/* What a session did while it was timed. */
typedef struct gr_profile_section {
    const char *name; /* as gr_session_profile was told */
    int rows;         /* kernels of a step, and the copies at its end if there are any */
    int threads;      /* of the session */
    int64_t steps;    /* that succeeded */
    double seconds;   /* of all of them */
} gr_profile_section;

/* What one kernel call of a section took. */
typedef struct gr_profile_row {
    gr_step_info step; /* what is called */
    int64_t calls;     /* that were timed */
    double seconds;    /* of all calls */
    double median;     /* of one call, among the newest 101; 0 before the first */
    double least;      /* of one call */
} gr_profile_row;

GR_API int gr_profile_sections(const gr_profile *profile); /* how many there are */
/* Of section `section`, in the order of gr_session_profile; all 0 if there is none. */
GR_API gr_profile_section gr_profile_section_info(const gr_profile *profile, int section);
/* Row `row` of it, in the order of computation; all 0 if there is none. */
GR_API gr_profile_row gr_profile_row_info(const gr_profile *profile, int section, int row);
/* Forgets all times, and keeps the sections: after warming up. */
GR_API void gr_profile_reset(gr_profile *profile);

/* The events remembered as Chrome's trace format (for chrome://tracing and ui.perfetto.dev): JSON
 * with a complete event ("ph": "X") for each kernel call and each step, sections as threads, times
 * in microseconds from the first. Freed with gr_text_release. GR_NO_MEMORY; *text is then NULL. */
GR_API gr_status gr_profile_trace(const gr_profile *profile, char **text);

#ifdef __cplusplus
}
#endif
#endif
