#!/bin/sh
# The pages of the manual and the completions that the build made: they know every command and
# option, formatters find nothing to warn of, and shells complete with them.
set -eu
pages=$GRADUS_BUILD/pages
gradus=$GRADUS_BUILD/gradus
[ -f "$pages/gradus.1" ] || { echo "this build makes no pages: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LC_ALL=C.UTF-8
export LC_ALL
faults=0
fault() {
    echo "FAULT: $*" >&2
    faults=$((faults + 1))
}

# ---- The manual ----------------------------------------------------------------------------------

commands=$("$gradus" --help | sed -n '/^Topics/q; s/^  \([a-z]*\)  .*/\1/p')
[ -n "$commands" ] || fault "gradus --help lists no commands"
for command in $commands; do
    page=$pages/gradus-$command.1
    [ -f "$page" ] || { fault "$command has no page"; continue; }
    grep -q "gradus.-$command (1)" "$pages/gradus.1" || fault "gradus(1) does not name $command"
    # roff writes a hyphen with a backslash
    sed 's/\\-/-/g; s/\\f.//g' "$page" >"$work/plain"
    for option in $("$gradus" "$command" --help | sed -n '/^Examples/q; s/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p'); do
        grep -q -e "$option\([^a-z-]\|$\)" "$work/plain" || fault "gradus-$command(1) lacks $option"
        for shell in gradus _gradus; do
            grep -q -e "$option[^a-z-]" "$pages/$shell" || fault "$shell: $command lacks $option"
        done
        grep -q -e "is $command. -l ${option#--} " "$pages/gradus.fish" ||
            fault "fish: $command lacks $option"
    done
done

# What training.md tells of the environment, gradus(1) tells too.
for variable in $(sed -n 's/^| `\([A-Z_]*\)` |.*/\1/p' "$GRADUS_SOURCE/docs/training.md"); do
    grep -q "^\.B $variable$" "$pages/gradus.1" || fault "gradus(1) lacks $variable"
done

mkdir "$work/pages"
for page in "$pages"/*.[13]; do
    if command -v man >/dev/null; then
        MANWIDTH=80 man --warnings -l "$page" >"$work/out" 2>"$work/err" || fault "man -l $page fails"
        [ -s "$work/out" ] || fault "man -l $page shows nothing"
        [ ! -s "$work/err" ] || { cat "$work/err" >&2; fault "man warns of $page"; }
    fi
    if command -v mandoc >/dev/null; then
        # The build has no date of its own to give.
        mandoc -T lint -W warning "$page" 2>&1 | grep -v 'missing date' >"$work/err" || true
        [ ! -s "$work/err" ] || { cat "$work/err" >&2; fault "mandoc warns of $page"; }
    fi
done
SOURCE_DATE_EPOCH=86400 "$gradus" help --man data | grep -q '"1970-01-02"' ||
    fault "SOURCE_DATE_EPOCH gives a page no date"

# ---- Completions ---------------------------------------------------------------------------------

cd "$work"
mkdir folder && : >model.safetensors && : >'two words.csv'

# offers WORDS…: these stand in $work/out, one a line, and nothing that begins with '!'.
offers() {
    for word in "$@"; do
        case $word in
        !*) ! grep -qxF -e "${word#!}" out || fault "$shell: '$line' offers ${word#!}" ;;
        *) grep -qxF -e "$word" out || fault "$shell: '$line' does not offer $word" ;;
        esac
    done
}

# As readline calls it: an '=' is a word of its own.
try_bash() {
    bash -c 'set -u
        source "$1" && shift
        complete -p gradus >/dev/null
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
        _gradus 2>err
        printf "%s\n" "${COMPREPLY[@]}"' bash "$pages/gradus" "$@" >out || fault "bash: '$*' fails"
    line=$*
}

# As _arguments would be called, or compadd for a command's name.
try_zsh() {
    zsh -f -c 'compadd() { print -rl -- $@ }
        _describe() { print -rl -- ${(P)2%%:*} }
        _arguments() { print -rl -- $@ }
        file=$1; shift
        words=("$@") CURRENT=$#
        source $file' zsh "$pages/_gradus" "$@" >out || fault "zsh: '$*' fails"
    line=$*
}

try_fish() {
    HOME=$work XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data \
        fish --no-config -c "source '$pages/gradus.fish'; complete -C '$1'" |
        cut -f1 >out || fault "fish: '$1' fails"
    line=$1
}

shell=bash
if command -v bash >/dev/null; then
    bash -n "$pages/gradus" || fault "bash: syntax"
    # shellcheck disable=SC2086 # words
    try_bash gradus '' && offers $commands help --version
    try_bash gradus tr && offers train '!test'
    try_bash gradus train --lo && offers --loss '!--epochs'
    try_bash gradus train --loss s && offers softmax squared_hinge sigmoid '!hinge'
    try_bash gradus train --loss = s && offers softmax '!hinge'
    try_bash gradus train --loss = && offers softmax hinge
    try_bash gradus train --epochs '' && offers '!model.safetensors' '!train'
    try_bash gradus train -d i && offers iris
    try_bash gradus train --out m && offers model.safetensors
    try_bash gradus test '' && offers model.safetensors folder 'two words.csv'
    try_bash gradus test model.safetensors --part t && offers test train
    try_bash gradus help da && offers data datasets
fi
shell=zsh
if command -v zsh >/dev/null; then
    zsh -n "$pages/_gradus" || fault "zsh: syntax"
    # shellcheck disable=SC2086
    try_zsh gradus '' && offers $commands help --version
    try_zsh gradus train '' && offers \
        '--loss=[the loss]:loss:(softmax hinge squared_hinge sigmoid mse l1 huber)' \
        '(-e --epochs)-e+[how often to go through the data (default\: 10, or as --steps needs)]:N: '
    try_zsh gradus test '' && offers '*:MODEL:_files'
fi
shell=fish
if command -v fish >/dev/null; then
    fish --no-execute "$pages/gradus.fish" || fault "fish: syntax"
    # shellcheck disable=SC2086
    try_fish 'gradus ' && offers $commands help
    try_fish 'gradus train --lo' && offers --loss '!--epochs'
    try_fish 'gradus train --loss s' && offers softmax squared_hinge sigmoid
    try_fish 'gradus train --loss=s' && offers --loss=softmax
    try_fish 'gradus train --epochs ' && offers '!model.safetensors'
    try_fish 'gradus test m' && offers model.safetensors
    try_fish 'gradus data pa' && offers pack
    try_fish 'gradus help da' && offers data datasets
fi

[ "$faults" -eq 0 ] || { echo "$faults faults" >&2; exit 1; }
