# Stopped by all kinds of signals at random instants, within steps, validations, checkpoints, skipped steps
# and rollbacks, and resumed on other numbers of ranks: the parameters and metrics of a run left alone.
# tests/stops.sh does more of it.
set -eu
. "$SOURCE/tests/stops.sh"
stop_and_resume validations 8 1
stop_and_resume rollbacks 6 2
