#!/bin/sh
# kill.sh at 200 moments.
GRADUS_KILLS=200
export GRADUS_KILLS
# Files in memory, where there is such a folder: see faults_slow.sh.
[ ! -w /dev/shm ] || TMPDIR=/dev/shm
export TMPDIR
exec sh "$GRADUS_SOURCE/tests/cli/kill.sh"
