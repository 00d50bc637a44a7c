#!/bin/sh
# Bring .venv to where a target can use it: `environment.sh run` for the server, `environment.sh all` for the suite as well.
# A stamp says for which directory and which pins an installation came to its end; where it says the same as now nothing
# is done. While something is being installed `.unfinished` stands, so that what was interrupted is made anew.
set -eu
cd "$(dirname "$0")/.."

VENV=.venv
PYTHON_OF_VENV=$VENV/bin/python
UNFINISHED=$VENV/.unfinished
STAMP_RUN=$VENV/.installed-run
STAMP_ALL=$VENV/.installed
OLDEST=3.11
NEWER="python3.13 python3.12 python3.11"
# Version, what it is itself an environment of, and whether it can make one.
PROBE='
import sys
print("%d.%d.%d" % sys.version_info[:3])
print(getattr(sys, "_base_executable", "") or sys.executable)
print(int(sys.version_info >= (3, 11)))
try:
    import ensurepip, venv
    print(1)
except ImportError:
    print(0)
'

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

line() { printf '%s\n' "$1" | sed -n "$2p"; }

# Print the interpreter to make the environment with; say what was found where none will do.
choose() {
    seen=""
    for name in ${PYTHON:-python3 $NEWER}; do
        found=$("$name" -c "$PROBE" 2>/dev/null) || continue
        if [ "$(line "$found" 3)" = 0 ]; then
            seen="$seen $name is Python $(line "$found" 1);"
        elif [ "$(line "$found" 4)" = 0 ]; then
            seen="$seen $name ($(line "$found" 1)) lacks the modules venv and ensurepip, on Debian and Ubuntu the package python3-venv;"
        else
            line "$found" 2
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        asked="PYTHON=$PYTHON was asked for."
        hint="Name another, as in: make PYTHON=/path/to/python3 run"
    else
        asked="Looked for python3 $NEWER."
        hint="Install one of them, or name one that is elsewhere: make PYTHON=/path/to/python3 run"
    fi
    fail "This needs Python $OLDEST or later, and there is none that it can use:${seen:- no Python was found;}" "$asked $hint"
}

# Whether the environment can be built upon: made here, to its end, with a Python that is still there and new enough.
is_whole() {
    [ ! -e "$UNFINISHED" ] || return 1
    for stamp in "$STAMP_RUN" "$STAMP_ALL"; do
        # An environment names its own directory in many places: one that was moved or copied uses the old one's.
        [ ! -s "$stamp" ] || [ "$(sed -n 1p "$stamp")" = "$(pwd -P)" ] || return 1
    done
    found=$("$PYTHON_OF_VENV" -c "$PROBE" 2>/dev/null) || return 1
    [ "$(line "$found" 3)" = 1 ] && "$PYTHON_OF_VENV" -m pip --version >/dev/null 2>&1
}

make_anew() {
    python=$(choose)
    [ ! -e "$VENV" ] || echo "$VENV is not whole, or not of this directory: it is made anew."
    rm -rf "$VENV"
    mkdir "$VENV"
    : >"$UNFINISHED"
    echo "Making $VENV with $python ..."
    "$python" -m venv "$VENV"
}

# Print a line for each package that is fetched; what pip says is wrong comes through as it is.
install() {
    status=$VENV/.status
    rm -f "$status"
    {
        "$PYTHON_OF_VENV" -m pip install --disable-pip-version-check --constraint constraints.txt --editable "$1" ||
            echo $? >"$status"
    } | {
        count=0
        while IFS= read -r said; do
            case $said in
            "Collecting "*)
                count=$((count + 1)) said=${said#Collecting }
                printf '  %3d  %s\n' "$count" "${said%%[ <>=!~;[]*}"
                ;;
            "Processing "*.whl*) # from a directory of wheels
                count=$((count + 1)) said=${said%%.whl*}.whl
                printf '  %3d  %s\n' "$count" "${said##*[/ ]}"
                ;;
            "Installing collected packages:"*) echo "  unpacking ..." ;;
            esac
        done
    }
    [ ! -e "$status" ] || fail "The installation failed; pip says above why. Run make again to begin anew."
}

wanted="$(pwd -P)
$(cat pyproject.toml constraints.txt | cksum)"

is_installed() { [ ! -e "$UNFINISHED" ] && [ -x "$PYTHON_OF_VENV" ] && [ "$(cat "$1" 2>/dev/null)" = "$wanted" ]; }

# What the suite needs holds what the server needs.
if is_installed "$STAMP_ALL" || { [ "$1" = run ] && is_installed "$STAMP_RUN"; }; then
    exit 0
fi
if ! is_whole; then make_anew; fi
: >"$UNFINISHED"
if [ "$1" = run ]; then
    echo "Installing what the server needs, about 65 packages:"
    install '.[fast,mcp]'
else
    echo "Installing what the suite needs, about 125 packages with the server's:"
    install '.[dev]'
    printf '%s\n' "$wanted" >"$STAMP_ALL"
fi
printf '%s\n' "$wanted" >"$STAMP_RUN"
rm -f "$UNFINISHED"
