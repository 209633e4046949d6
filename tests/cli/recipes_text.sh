#!/bin/sh
# The first steps of the recipes for texts, on the beginning of tiny Shakespeare.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
. "$GRADUS_SOURCE/tests/cli/support/recipes.sh"
data tinyshakespeare
{
    head -c 12000 "$DATA/input.txt"
    # the characters that it lacks
    printf "\n !\$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n"
} >part.txt

# Schedules as in the first steps of a long training: these end before the warmup would.
chars="--text chars --test-fraction 0.02 --batch 2 --warmup 0"
# shellcheck disable=SC2086 # options
{
steps char-rnn part.txt 2.1217706352472305 $chars --steps 100
steps char-lstm part.txt 3.3881454944610594 $chars --steps 20
steps char-gru part.txt 3.225821304321289 $chars --steps 20
steps gpt-tiny part.txt 3.5262591361999513 $chars --steps 20
}

done_testing
