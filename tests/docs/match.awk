# match.awk EXPECTED ACTUAL: are they equal, "…" in what is expected standing for any text of a
# line, and a line of "…" alone for any lines? With vary=1 any number equals any other. Prints the
# first difference.

function pattern(text,    c, i, result)
{
    result = "^"
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        result = result (index("\\^$.[]|()*+?{}/", c) ? "\\" c : c)
    }
    gsub("…", ".*", result)
    return result "$"
}
# Trailing blanks do not count; nor, where numbers vary, the widths of columns.
{ sub(/[ \t]+$/, "") }
vary {
    gsub(/[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?/, "#")
    gsub(/──+/, "─")
    gsub(/  +/, " ")
}
FILENAME == ARGV[1] { expected[++m] = $0; next }
{ actual[++n] = $0 }
END {
    while (m && expected[m] == "") m--
    while (n && actual[n] == "") n--
    j = 1
    for (i = 1; i <= m; i++) {
        if (expected[i] == "…") {
            if (i == m) exit 0
            want = pattern(expected[++i])
            while (j <= n && actual[j] !~ want) j++
        }
        if (j > n || actual[j] !~ pattern(expected[i])) {
            print "expected: " expected[i]
            print "printed:  " (j > n ? "nothing more" : actual[j])
            if (j <= n) print "all that was printed:"
            for (k = 1; k <= n; k++) print "    " actual[k]
            exit 1
        }
        j++
    }
    if (j <= n) {
        print "printed besides: " actual[j]
        exit 1
    }
}
