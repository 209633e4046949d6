/* What a session needs of a profile. Internal. */
#ifndef GR_RUN_PROFILE_H
#define GR_RUN_PROFILE_H

#include <gradus/profile.h>

/* A section of a profile; it stays where it is as long as the profile lives. */
typedef struct gr_profile_part gr_profile_part;

/* Appends a section for the program's steps. */
gr_status gr_profile_add(gr_profile *profile, const gr_program *program, const char *name,
                         int threads, gr_profile_part **part);
/* Where gr_plan_execute_timed leaves its readings. */
double *gr_profile_clock(gr_profile_part *part);
/* Counts a step by these readings. */
void gr_profile_note(gr_profile_part *part);

#endif
