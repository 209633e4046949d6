#!/bin/sh
# file_faults.sh at every call.
GRADUS_FAULTS=all
export GRADUS_FAULTS
# Files in memory, where there is such a folder: see faults_slow.sh.
[ ! -w /dev/shm ] || TMPDIR=/dev/shm
export TMPDIR
exec sh "$GRADUS_SOURCE/tests/cli/file_faults.sh"
