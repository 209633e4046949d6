/* Points of the plane as data sets that have a name. Internal. */
#ifndef GR_DATA_POINTS_H
#define GR_DATA_POINTS_H

#include <gradus/data.h>

/* The parts of the set called `name`, which there is, with labels unless the options say
 * otherwise. Pass NULL for a part not to make it. On failure *train may be made. */
gr_status gr_points_parts(const char *name, const gr_data_options *options, gr_dataset **train,
                          gr_dataset **test);

#endif
