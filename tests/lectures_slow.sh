#!/bin/sh
# The documents of docs/lectures with the commands that take minutes.
export GRADUS_LONG=1
exec sh "$(dirname "$0")/lectures.sh"
