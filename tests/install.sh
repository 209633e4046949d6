#!/bin/sh
# What is installed serves a program that finds it by pkg-config or by CMake, from any folder.
set -eu
[ -z "$GRADUS_SANITIZE" ] || { echo "a sanitizer's build is not installed: skipped"; exit 77; }
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# quiet COMMAND…: shows what it said only if it fails.
quiet() {
    "$@" >"$stage/log" 2>&1 && return
    cat "$stage/log"
    exit 1
}

quiet "$CMAKE" --install "$GRADUS_BUILD" --prefix "$stage/usr"
cat >"$stage/main.c" <<'END'
#include <gradus/gradus.h>

int main(void)
{
    return gr_version()[0] == '0' + GR_VERSION_MAJOR ? 0 : 1;
}
END

mkdir "$stage/program"
cat >"$stage/program/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(program LANGUAGES C)
find_package(gradus REQUIRED)
foreach(kind shared static)
    add_executable(${kind} ../main.c)
    target_link_libraries(${kind} PRIVATE gradus::gradus_${kind})
endforeach()
END
quiet "$CMAKE" -S "$stage/program" -B "$stage/program/build" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$stage/usr"
quiet "$CMAKE" --build "$stage/program/build"
"$stage/program/build/shared"
"$stage/program/build/static"

command -v pkg-config >/dev/null || exit 0
# The paths in gradus.pc are those of the real prefix: replace it by this one.
pc=$(find "$stage/usr" -name gradus.pc)
libdir=$(dirname "$(dirname "$pc")")
sed -i "s|^includedir=.*|includedir=$stage/usr/include|; s|^libdir=.*|libdir=$libdir|" "$pc"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # lists of flags
"$CC" "$stage/main.c" -o "$stage/shared" $(pkg-config --cflags --libs gradus)
LD_LIBRARY_PATH=$libdir "$stage/shared"
# shellcheck disable=SC2046
"$CC" "$stage/main.c" -o "$stage/static" $(pkg-config --cflags gradus) \
    "$libdir/libgradus.a" $(pkg-config --static --libs gradus | sed "s/-lgradus//")
"$stage/static"
