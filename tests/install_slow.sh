#!/bin/sh
# An outside project with the source tree among its own, built.
export GRADUS_LONG=1
exec sh "$(dirname "$0")/install.sh"
