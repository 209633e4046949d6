/* Gradus: neural networks in C, gradient by gradient. This header includes all the others. */
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
