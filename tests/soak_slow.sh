#!/bin/sh
# tests/unit/test_soak.c for GRADUS_SOAK seconds: 20 minutes if nothing is said.
test=$GRADUS_BUILD/tests/test_soak
if [ ! -x "$test" ]; then
    echo "skipped: no test_soak in this build"
    exit 77
fi
GRADUS_SOAK=${GRADUS_SOAK:-1200} exec "$test"
