#!/bin/sh
# The folders of src/ include only what stands above them.
set -eu
command -v python3 >/dev/null || { echo "python3 is missing: skipped"; exit 77; }
exec "$GRADUS_SOURCE/scripts/check-includes" "$GRADUS_SOURCE"
