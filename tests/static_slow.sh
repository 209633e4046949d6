#!/bin/sh
# Every source goes through cppcheck, clang-tidy and the analysers of clang and gcc without a finding.
set -eu
for tool in cppcheck clang-tidy gcc; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: skipped"; exit 77; }
done
exec "$GRADUS_SOURCE/scripts/check-static" --all "$GRADUS_BUILD"
