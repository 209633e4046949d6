/* gradus doctor: what its files share. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/command.h"

#include <gradus/machine.h>

typedef enum cli_health {
    CLI_HEALTH_OK,
    CLI_HEALTH_NOTE,   /* works, but someone may miss something */
    CLI_HEALTH_PROBLEM /* something that is there does not work */
} cli_health;

typedef struct cli_finding {
    const char *group; /* "machine", "build", …: static */
    char *name;
    cli_health health;
    char *value;  /* what was found */
    char *remedy; /* what to do; NULL: nothing */
} cli_finding;

typedef struct cli_doctor {
    const cli_args *args;
    const char *group; /* of the next findings */
    cli_finding *finding;
    int n, room;
    gr_machine_speed speed; /* threads 0: not measured */
} cli_doctor;

/* Adds a finding; `value` and `remedy` (may be NULL) are freed with it. */
void cli_doctor_add(cli_doctor *doctor, cli_health health, const char *name, char *value,
                    char *remedy);

/* The groups of findings. */
void cli_doctor_machine(cli_doctor *doctor);
void cli_doctor_build(cli_doctor *doctor);
void cli_doctor_data(cli_doctor *doctor);
void cli_doctor_settings(cli_doctor *doctor);
void cli_doctor_terminal(cli_doctor *doctor);
void cli_doctor_speed(cli_doctor *doctor);

#endif
