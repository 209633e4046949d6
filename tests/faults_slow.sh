#!/bin/sh
# Every allocation fails, not a sample of them: each of the first 2,000 of a call, alone and with all
# after it, and 500 beyond.
tests="$GRADUS_BUILD/tests/test_faults_ops $GRADUS_BUILD/tests/test_faults_train
$GRADUS_BUILD/tests/test_faults_data"
GRADUS_FAULTS=all
export GRADUS_FAULTS
# Files in memory, where there is such a folder: each of tens of thousands of flushes takes a disk up
# to ten milliseconds, and which call fails is tested here, not how long one takes.
[ ! -w /dev/shm ] || TMPDIR=/dev/shm
export TMPDIR
for test in $tests; do
    [ -x "$test" ] || {
        echo "skipped: no $test"
        exit 77
    }
    "$test" || exit 1
done
