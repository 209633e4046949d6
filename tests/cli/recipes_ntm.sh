#!/bin/sh
# The first steps of the recipes of Neural Turing Machines.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
. "$GRADUS_SOURCE/tests/cli/support/recipes.sh"

steps ntm-copy ntm-copy 0.692907004058361 --steps 40
out '"figures":{"bits":'
steps ntm-repeat-copy ntm-repeat-copy 0.7074196398258209 --steps 20
steps ntm-associative-recall ntm-associative-recall 0.6957475796341897 --steps 40

done_testing
