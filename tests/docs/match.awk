# match.awk EXPECTED ACTUAL: are they equal, "…" in what is expected standing for any text of a
# line, and a line of "…" alone for any lines? With vary=1 any number equals any other; with near=1
# numbers may differ by two units of the last place that is expected. Prints the first difference.

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
# Takes the first number out of the line into `number`; its decimals into `places`.
function take(text)
{
    number = places = ""
    if (!match(text, /[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?/)) return ""
    number = substr(text, RSTART, RLENGTH)
    places = number
    sub(/e.*/, "", places)
    places = index(places, ".") ? length(places) - index(places, ".") : 0
    return substr(text, RSTART + RLENGTH)
}

# Numbers with decimals that differ by so little, in lines that are otherwise the same?
function is_near(want, got,    skeleton, other, value, unit)
{
    skeleton = want
    other = got
    gsub(/[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?/, "#", skeleton)
    gsub(/[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?/, "#", other)
    gsub(/ +/, " ", skeleton)
    gsub(/ +/, " ", other)
    if (skeleton != other) return 0
    while (want != "") {
        want = take(want)
        value = number
        unit = 10 ^ -places
        if (match(value, /e/)) unit *= 10 ^ substr(value, RSTART + 1)
        got = take(got)
        if (value == number) continue
        if (!index(value, ".") || value - number > 2.01 * unit || number - value > 2.01 * unit)
            return 0
    }
    return 1
}
function equals(got, want)
{
    return got ~ pattern(want) || (near && !index(want, "…") && is_near(want, got))
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
            i++
            while (j <= n && !equals(actual[j], expected[i])) j++
        }
        if (j > n || !equals(actual[j], expected[i])) {
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
