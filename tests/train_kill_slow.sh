#!/bin/sh
# tests/unit/test_train_kill.c with 200 kills.
test=$GRADUS_BUILD/tests/test_train_kill
if [ ! -x "$test" ]; then
    echo "skipped: no test_train_kill in this build"
    exit 77
fi
GRADUS_KILLS=200 exec "$test"
