#!/bin/sh
# static_slow.sh TOOL: every source goes through TOOL of scripts/check-static without a finding.
set -eu
command=$1
[ "$1" != fanalyzer ] || command=gcc
command -v "$command" >/dev/null || { echo "$command is missing: skipped"; exit 77; }
exec "$GRADUS_SOURCE/scripts/check-static" --all --tool "$1" "$GRADUS_BUILD"
