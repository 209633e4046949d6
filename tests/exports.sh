#!/bin/sh
# The shared library needs little and exports gr_ symbols alone, all of them under a version of ours;
# the static one puts no other name into the programs that link it (what C cannot write, as
# .gomp_critical_…, is the compiler's).
set -eu
command -v nm >/dev/null || { echo "nm is missing: skipped"; exit 77; }

symbols=$(nm -D --defined-only "$GRADUS_LIBRARY" | awk '$2 != "A" { print $3 }')
[ -n "$symbols" ] || { echo "$GRADUS_LIBRARY exports nothing"; exit 1; }
strange=$(printf '%s\n' "$symbols" | grep -v '^gr_[a-z0-9_]*@@GRADUS_' || true)
if [ -n "$strange" ]; then
    echo "exported, but not gr_…@@GRADUS_…:"
    echo "$strange"
    exit 1
fi

# GRADUS_0 is the public interface: what is in it stands in a public header with GR_API.
for name in $(printf '%s\n' "$symbols" | sed -n 's/@@GRADUS_0$//p'); do
    grep -qw "$name" "$GRADUS_SOURCE"/include/gradus/*.h || {
        echo "$name is exported, but no public header declares it"
        exit 1
    }
done

# It needs nothing beyond the C library, libgomp and libz: oneDNN and the like are modules.
if [ -z "${GRADUS_SANITIZE:-}" ] && command -v readelf >/dev/null; then
    strange=$(readelf -d "$GRADUS_LIBRARY" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -v -e '^libc\.' -e '^libm\.' -e '^libz\.' -e '^libgomp\.' -e '^ld-linux' || true)
    [ -z "$strange" ] || { echo "$GRADUS_LIBRARY needs $strange"; exit 1; }
fi

strange=$(nm -g --defined-only "$GRADUS_STATIC" 2>/dev/null | awk 'NF == 3 { print $3 }' |
    grep -v -e '^gr_' -e '^__' -e '^\.' | sort -u || true)
if [ -n "$strange" ]; then
    echo "global in $GRADUS_STATIC, but not gr_…:"
    echo "$strange"
    exit 1
fi
