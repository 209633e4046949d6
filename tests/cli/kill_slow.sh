#!/bin/sh
# kill.sh at 200 moments.
GRADUS_KILLS=200
export GRADUS_KILLS
exec sh "$GRADUS_SOURCE/tests/cli/kill.sh"
