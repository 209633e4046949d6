#!/bin/sh
# The language and the C API call everything by the same name.
set -eu
command -v python3 >/dev/null || { echo "python3 is missing: skipped"; exit 77; }
exec "$GRADUS_SOURCE/scripts/check-words" "$GRADUS_SOURCE"
