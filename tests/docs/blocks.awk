# Takes the checked blocks of a document out into files base/LINE.c and base/LINE.console, and lists
# them: LINE|KIND|FILE|FILE OF THE TREE|VARY|NEEDS. An `output` block goes to its program's FILE.output.

# Nothing but blank lines and text may stand between a program and its output.
/^```/ && inside {
    inside = 0
    if (path) close(path)
    path = ""
    next
}
/^```/ {
    inside = 1
    kind = substr($0, 4)
    path = ""
    if (kind == "c" || kind == "console") {
        path = base "/" NR "." kind
        printf "%s|%s|%s|%s|%s|%s\n", NR, kind, path, file, vary, needs
        program = kind == "c" ? path : ""
    } else if (kind == "output") {
        if (!program) {
            print FILENAME ":" NR ": output of no program" >"/dev/stderr"
            exit 1
        }
        path = program ".output"
        program = ""
    }
    file = vary = needs = ""
    next
}
inside && path { print >path }
inside { next }
/^<!-- file: .* -->$/ { file = $3 }
/^<!-- numbers vary -->$/ { vary = 1 }
/^<!-- needs: .* -->$/ {
    needs = $0
    gsub(/^<!-- needs: | -->$/, "", needs)
}
END { if (inside) { print FILENAME ": a block has no end" >"/dev/stderr"; exit 1 } }
