#!/bin/sh
# The documents of docs/lectures, or those named, as tests/docs_snippets.sh checks them. Not under
# sanitizers, which make minutes of it: tests/cli has the same commands on less data.
cd "${GRADUS_SOURCE:=$(cd "$(dirname "$0")/.." && pwd)}" || exit 1
[ -z "${GRADUS_SANITIZE:-}" ] || {
    echo "skipped: a build with sanitizers"
    exit 77
}
[ $# -gt 0 ] || set -- docs/lectures/*.md
exec sh tests/docs_snippets.sh "$@"
