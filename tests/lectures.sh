#!/bin/sh
# The documents of docs/lectures, as tests/docs_snippets.sh checks them.
cd "${GRADUS_SOURCE:=$(cd "$(dirname "$0")/.." && pwd)}" || exit 1
exec sh tests/docs_snippets.sh docs/lectures/*.md
