/* Tasks as data sets that have a name. Internal. */
#ifndef GR_DATA_TASKS_H
#define GR_DATA_TASKS_H

#include <gradus/data.h>

/* The parts of the task called `name`, which there is. Pass NULL for a part not to make it. On
 * failure *train may be made. */
gr_status gr_task_parts(const char *name, gr_dataset **train, gr_dataset **test);

#endif
