# SPDX-License-Identifier: MIT
# tests/strip.awk - C without comments and without what is in quotes, line for
# line, so that a search finds code alone.  A // comment leaves "//" behind.

function strip(line,    out, c, two, n, i)
{
    out = ""
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                i++
            }
        } else if (quote != "") {
            if (c == "\\") {
                i++
            } else if (c == quote) {
                quote = ""
                out = out c
            }
        } else if (two == "/*") {
            in_comment = 1
            out = out " "
            i++
        } else if (two == "//") {
            out = out two
            break
        } else {
            if (c == "\"" || c == "'")
                quote = c
            out = out c
        }
    }
    if (quote != "" && line !~ /\\$/)
        quote = ""
    return out
}

FNR == 1 {
    in_comment = 0
    quote = ""
}

{
    print strip($0)
}
