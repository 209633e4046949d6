#!/bin/sh
# What is installed serves a project of somebody else's, tests/outside, that finds it by pkg-config
# or by CMake, under any prefix and below DESTDIR. With GRADUS_LONG=1 it also builds with the
# source tree among its own folders, which else is only configured so, and with the small core.
set -eu
[ -z "$GRADUS_SANITIZE" ] || { echo "a sanitizer's build is not installed: skipped"; exit 77; }
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
outside=$GRADUS_SOURCE/tests/outside

# quiet COMMAND…: shows what it said only if it fails.
quiet() {
    "$@" >"$stage/log" 2>&1 && return
    echo "failed: $*"
    cat "$stage/log"
    exit 1
}

# says PROGRAM…: it finds the slope.
says() {
    answer=$("$@")
    case $answer in
    "gradus "*": 0.5") ;;
    *) echo "$* says '$answer'" && exit 1 ;;
    esac
}

quiet "$CMAKE" --install "$GRADUS_BUILD" --prefix "$stage/usr"
quiet env DESTDIR="$stage/root" "$CMAKE" --install "$GRADUS_BUILD" --prefix /opt/gradus
for folder in include/gradus share/man/man3; do
    [ -d "$stage/root/opt/gradus/$folder" ] || { echo "DESTDIR: no $folder"; exit 1; }
done
# A page, and what completes, for each command.
if [ -f "$GRADUS_BUILD/pages/gradus.1" ]; then
    for file in bin/gradus share/man/man1/gradus.1 share/man/man1/gradus-train.1 \
        share/bash-completion/completions/gradus share/zsh/site-functions/_gradus \
        share/fish/vendor_completions.d/gradus.fish share/gradus/nets/lenet.net; do
        [ -f "$stage/usr/$file" ] || { echo "not installed: $file"; exit 1; }
    done
fi

# ---- CMake ---------------------------------------------------------------------------------------

quiet "$CMAKE" -S "$outside" -B "$stage/found" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$stage/usr"
quiet "$CMAKE" --build "$stage/found"
for program in shared static plain; do says "$stage/found/$program"; done
for program in "$stage"/found/extra_shared "$stage"/found/extra_static; do
    [ ! -e "$program" ] || quiet "$program"
done
# A component that there is not.
mkdir "$stage/strange"
cat >"$stage/strange/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(strange LANGUAGES C)
find_package(gradus REQUIRED COMPONENTS gpu)
END
if "$CMAKE" -S "$stage/strange" -B "$stage/strange/build" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$stage/usr" >"$stage/log" 2>&1; then
    echo "find_package finds a component that does not exist"
    exit 1
fi

# With the build's folder in PATH, as for using the command there, what is installed is found still.
mkdir "$stage/path"
cat >"$stage/path/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(path LANGUAGES NONE)
find_package(gradus CONFIG)
message(STATUS "in ${gradus_DIR}")
END
if PATH=$GRADUS_BUILD:$PATH "$CMAKE" -S "$stage/path" -B "$stage/path/build" >"$stage/log" 2>&1 &&
    ! grep -qF "in $GRADUS_BUILD" "$stage/log"; then
    :
else
    echo "find_package takes what is not installed"
    exit 1
fi

# ---- pkg-config ----------------------------------------------------------------------------------

if command -v pkg-config >/dev/null; then
    libdir=$(dirname "$(find "$stage/usr" -name libgradus.a)")
    PKG_CONFIG_PATH=$libdir/pkgconfig
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046 # lists of flags
    quiet "$CC" "$outside/program.c" -o "$stage/shared" $(pkg-config --cflags --libs gradus)
    LD_LIBRARY_PATH=$libdir says "$stage/shared"
    # shellcheck disable=SC2046
    quiet "$CC" "$outside/program.c" -o "$stage/static" $(pkg-config --cflags gradus) \
        "$libdir/libgradus.a" $(pkg-config --static --libs gradus | sed "s/-lgradus//")
    says "$stage/static"
    if [ -f "$libdir/pkgconfig/gradus-extra.pc" ]; then
        # shellcheck disable=SC2046
        quiet "$CC" "$outside/figure.c" -o "$stage/figure" \
            $(pkg-config --cflags --libs gradus-extra) -Wl,-rpath,"$libdir"
        quiet "$stage/figure"
    fi
fi

# ---- The source tree among others ----------------------------------------------------------------

quiet "$CMAKE" -S "$outside" -B "$stage/among" -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Debug \
    -DGRADUS="$GRADUS_SOURCE" -DGRADUS_MINIMAL=ON
[ -n "${GRADUS_LONG:-}" ] || exit 0
quiet "$CMAKE" --build "$stage/among" --parallel
for program in shared static plain; do says "$stage/among/$program"; done

# ---- The small core ------------------------------------------------------------------------------

quiet "$CMAKE" -S "$GRADUS_SOURCE" -B "$stage/small" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_BUILD_TYPE=MinSizeRel -DGRADUS_SMALL=ON -DGRADUS_WERROR=ON
quiet "$CMAKE" --build "$stage/small" --parallel
quiet "$CMAKE" --install "$stage/small" --prefix "$stage/less"
[ ! -e "$stage/less/bin" ] || { echo "the small core installs a command"; exit 1; }
quiet "$CMAKE" -S "$outside" -B "$stage/on_small" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$stage/less"
quiet "$CMAKE" --build "$stage/on_small"
for program in shared static plain; do says "$stage/on_small/$program"; done
library=$(find "$stage/less" -name 'libgradus.so.*.*')
strip "$library"
size=$(wc -c <"$library")
echo "the small core takes $size bytes"
[ "$("$CC" -dumpmachine)" != x86_64-linux-gnu ] || [ "$size" -le 600000 ] || exit 1
