#!/bin/sh
# file_faults.sh at every call.
GRADUS_FAULTS=all
export GRADUS_FAULTS
exec sh "$GRADUS_SOURCE/tests/cli/file_faults.sh"
