#!/bin/sh
# Help: topics, suggestions, narrow terminals, terminals without UTF-8.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

run --help
exits 0
out "Topics of 'gradus help TOPIC':"
topics=$(sed -n '/^Topics/,$s/^  \([a-z]*\)  .*/\1/p' out)
commands=$(sed -n '/^Topics/q; s/^  \([a-z]*\)  .*/\1/p' out)
for topic in config environment datasets files language recipes runs status; do
    case " $(echo $topics) " in *" $topic "*) ;; *) fault "no topic $topic" ;; esac
    run help $topic
    exits 0
    silent
    out "gradus help $topic: "
done
run help config
out "options of the command line; the environment; the"
run help environment
for variable in $(sed -n 's/^| `\([A-Z_]*\)` |.*/\1/p' "$GRADUS_SOURCE/docs/training.md"); do
    out "$variable"
done
run help datasets
out "fashion-mnist"
run help language
out "batchnorm("

run help confg
refused "gradus: there is no command or topic 'confg'; did you mean 'config'?"
run help trian
refused "did you mean 'train'?"
run help xyzzy
refused "there is no command or topic 'xyzzy'; 'gradus --help' lists them"

# Narrow terminals, and ASCII: every page of help fits 40 columns but for words that cannot be parted.
for page in $commands $topics; do
    COLUMNS=40 run help "$page"
    exits 0
    ! LC_ALL=C grep -q '[^ -~]' out || fault "not ASCII: $(LC_ALL=C grep -m1 '[^ -~]' out)"
    awk 'length($0) > 40 { line = $0; sub(/^ +/, "", line); sub(/ \\$/, "", line)
        if (line ~ / / && line !~ /'"'"'/) { print; exit 1 } }' out >wide ||
        fault "wider than 40: $(cat wide)"
    # A line that goes on is still one command.
    sed -n '/^Examples:/,/^Exit/p' out | sed '1d;$d' | sed 's/^ *gradus/true/' >examples
    sh -n examples || fault "the examples are no shell"
done
COLUMNS=40 run --help
awk 'length($0) > 40 { exit 1 }' out || fault "the overview is wider than 40"
LC_ALL=C.UTF-8 COLUMNS=40 run help train
exits 0

# --quiet and --verbose, everywhere.
for command in $commands; do
    run "$command" --help
    out "--quiet"
    out "--verbose"
done
run eval 'x^2' x=3 --verbose
exits 0
out "= 9"
err "gradus: version $("$GRADUS" --version | sed -n 's/^gradus //p'), "
err "gradus: took "
run eval 'x^2' x=3 --quiet
exits 0
silent
out "= 9"
done_testing
