/* Gradus: neural networks in C, gradient by gradient. This header includes all the others.
 *
 * What holds for every function, unless its own comment says otherwise:
 *
 * Failing: a call that can fail returns a gr_status, and gr_message has the words. It has then
 * changed nothing, its results are NULL or empty, and there is nothing to free. Calls that build
 * gates return the graph's error node instead (graph.h). GR_NO_MEMORY may come from any of them.
 * Nothing prints, exits or aborts.
 *
 * Ownership: what gr_x_new, _open, _load or _parse gives is the caller's, for gr_x_free, _close or
 * _clear, which accept NULL; a text given by char ** is for gr_text_release. Other pointers that
 * come back belong to the object that was asked and live as long as it does. What is handed in is
 * copied, or only read during the call.
 *
 * Threads: different objects may be used by different threads at any time, one object by one thread
 * at a time, but for those that never change, whose types say so: programs, data sets, parsed
 * texts, vocabularies, searches. gr_set_allocator and gr_set_log come before all else.
 *
 * Shapes are written outermost first: [N, C, H, W] is one example a row; … stands for any axes.
 * Tensors are dense and row-major. Layers and data work in f32, gates in f64, too.
 *
 * Options are structs whose first field is their size, so that they can grow; a macro of the same
 * name in capitals fills one in: GR_CONV(20, 5, .pad = 2). Zero means the default. In C++, which
 * lacks these macros, zero the struct and set `size` and what is wanted.
 *
 * Units: sizes are in bytes or elements, as said; times in seconds, rates per second, angles in
 * radians. What is counted counts from 0. */
#ifndef GRADUS_GRADUS_H
#define GRADUS_GRADUS_H

#include <gradus/attention.h>
#include <gradus/base.h>
#include <gradus/check.h>
#include <gradus/data.h>
#include <gradus/gates.h>
#include <gradus/graph.h>
#include <gradus/image.h>
#include <gradus/inspect.h>
#include <gradus/io.h>
#include <gradus/knn.h>
#include <gradus/lang.h>
#include <gradus/layers.h>
#include <gradus/limits.h>
#include <gradus/losses.h>
#include <gradus/machine.h>
#include <gradus/nn.h>
#include <gradus/ntm.h>
#include <gradus/ops.h>
#include <gradus/optim.h>
#include <gradus/plot.h>
#include <gradus/points.h>
#include <gradus/profile.h>
#include <gradus/recurrent.h>
#include <gradus/run.h>
#include <gradus/sample.h>
#include <gradus/spatial.h>
#include <gradus/surface.h>
#include <gradus/tasks.h>
#include <gradus/text.h>
#include <gradus/train.h>

#endif
