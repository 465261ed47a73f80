# Killed a few times, resumed on other numbers of ranks: the parameters and metrics of a run left alone.
# tests/soak.sh does the same for longer.
set -eu
KILL_STEPS=300
. "$SOURCE/tests/kills.sh"
kill_and_resume 5 1
