#!/bin/sh
# Every allocation fails, not a sample of them: each of the first 2,000 of a call, alone and with all
# after it, and 500 beyond.
tests="$GRADUS_BUILD/tests/test_faults_ops $GRADUS_BUILD/tests/test_faults_train
$GRADUS_BUILD/tests/test_faults_data"
GRADUS_FAULTS=all
export GRADUS_FAULTS
for test in $tests; do
    [ -x "$test" ] || {
        echo "skipped: no $test"
        exit 77
    }
    "$test" || exit 1
done
