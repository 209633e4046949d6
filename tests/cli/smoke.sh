#!/bin/sh
# The command says what it is, helps, and refuses what it does not know.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

run --version
exits 0
silent
out "$(sed -n 's/^#define GR_VERSION_MAJOR //p' "$GRADUS_SOURCE/include/gradus/base.h")."

run --help
exits 0
silent
out "gradus"

# Every command that the help lists, as the first word of an indented line, has its own.
commands=$(sed -n '/^Commands:/,/^$/s/^  *\([a-z]\{2,\}\)  .*/\1/p' "$WORK/out" | sort -u)
[ -n "$commands" ] || fault "the help lists no command"
for command in $commands; do
    run "$command" --help
    exits 0
    silent
    out "gradus $command"
done

run frobnicate
refused frobnicate

run evla
refused eval # the nearest name

run
exits 2

done_testing
