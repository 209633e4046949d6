# Turns a console block into a shell script. Command N, its expected output and (once the script has
# run) what it really prints are in base.N.command, .expected and .actual.

# A command goes on after a backslash, and as long as a quote is open.
function quotes(text) { return gsub(/'/, "'", text) }
function finish()
{
    printf "%s", command >(base "." number ".command")
    close(base "." number ".command")
    printf "{\n%s\n} >'%s.%d.actual' 2>&1\n", command, base, number
    printf "" >(base "." number ".expected")
}
open {
    command = command "\n" $0
    open = (quotes(command) % 2 == 1) || command ~ /\\$/
    if (!open) finish()
    next
}
/^\$ / {
    number++
    command = substr($0, 3)
    open = (quotes(command) % 2 == 1) || command ~ /\\$/
    if (!open) finish()
    next
}
{ print >(base "." number ".expected") }
