#!/bin/sh
# Unit tests of the library in one file.
export GRADUS_LONG=1
exec sh "$(dirname "$0")/amalgamation.sh"
