/* tasks.h: sequences to be remembered, made as they are needed: the tasks of the Neural Turing
 * Machine's paper (Graves, Wayne, Danihelka 2014).
 *
 * An example is f32 [T, in + out + 1], T steps of the longest sequence, filled up with zeros: at
 * each step what goes in, what should come out, and 1 where the answer counts, else 0. A net takes
 * the parts of x that it may see:
 *     said = x[:, :, :10] |> ntm(8)
 *     loss = sum(sigmoid_cross_entropy(said, x[:, :, 10:18], reduce="none") * x[:, :, 18:])
 *
 *   copy                in: `bits` random bits, a start and an end marker; out: the bits.
 *                       The marker, L rows of bits, the marker, then L rows of answer
 *   repeat copy         in: bits, the start marker, and at the end a number of repeats, scaled to
 *                       mean 0 and deviation 1; out: the bits and an end marker. The answer is the
 *                       rows so many times over, then the marker
 *   associative recall  in: bits, a marker before each item, one on both sides of the query; out:
 *                       the bits. L items of three rows, one of them again but not the last; the
 *                       answer is the item that came after it
 *
 * The class of an example is its length. */
#ifndef GRADUS_TASKS_H
#define GRADUS_TASKS_H

#include <gradus/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which tasks there are. */
typedef enum gr_task {
    GR_TASK_COPY,              /* say it again */
    GR_TASK_REPEAT_COPY,       /* so many times */
    GR_TASK_ASSOCIATIVE_RECALL /* what came after this? */
} gr_task;

typedef struct gr_task_options {
    size_t size;
    int64_t count;             /* examples of an epoch; 0 means 1000 */
    int64_t shortest, longest; /* L; 0 means 1 to 20, repeat copy 1 to 10, recall 2 to 6 */
    int64_t repeats;           /* repeat copy: from 1 to this; 0 means 10 */
    int64_t bits;              /* 0 means 8, recall 6; at most 64 */
} gr_task_options;
#define GR_TASK(...) (&(gr_task_options){.size = sizeof(gr_task_options), __VA_ARGS__})

/* Makes the set; `options` may be NULL. Each example is drawn anew in each epoch. The repeats are
 * scaled as if they were drawn from 1 to 10, whatever `repeats` is, so that numbers mean the same
 * to a net that was trained on fewer. GR_INVALID for an unknown task, options below 1, `shortest`
 * above `longest`, one item to recall among; GR_NO_MEMORY. *dataset is NULL on failure. */
GR_API gr_status gr_task_dataset(gr_task task, const gr_task_options *options,
                                 gr_dataset **dataset);
/* "ntm-copy", "ntm-repeat-copy", "ntm-associative-recall", by which gr_data_open knows them; its
 * test part has 256 examples of the greatest length (and repeats). NULL if there is none. */
GR_API const char *gr_task_name(gr_task task);

#ifdef __cplusplus
}
#endif
#endif
