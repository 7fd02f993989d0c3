# shellcheck shell=bash
# shellcheck disable=SC2034 # most of these names are used by the files beside this one
# What every other part stands on: where things are, how to say something, how to start, find and stop a process.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STATE=${ROWBELL_STACK_DIR:-$ROOT/.stack}
[[ $STATE == /* ]] || STATE=$PWD/$STATE
CACHE=${ROWBELL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rowbell}
LOGS=$STATE/logs
RUN=$STATE/run
ENV_FILE=$STATE/env

# In the order in which they are started; they are stopped in the reverse order.
SERVICES=(postgres mariadb kafka registry connect)

# A server that has not become ready within this time is taken for stuck. Generous: the machine may be building meanwhile.
READY_SECONDS=${ROWBELL_STACK_TIMEOUT:-180}
# A server that has not stopped within this time of SIGTERM gets SIGKILL.
STOP_SECONDS=20

set -a
# shellcheck source=../versions.env
. "$ROOT/stack/versions.env"
# shellcheck source=../dev-secrets.env
. "$ROOT/stack/dev-secrets.env"
set +a

say() { printf 'stack: %s\n' "$*" >&2; }
hint() { printf 'hint: %s\n' "$*" >&2; }
die() {
  printf 'stack: error: %s\n' "$*" >&2
  exit 1
}
# A wrong command line, as opposed to something that did not work.
usage_error() {
  printf 'stack: error: %s\n' "$*" >&2
  hint "stack/stack help"
  exit 2
}

now_ms() { date +%s%3N; }

# wait_until SECONDS COMMAND...: asks again until COMMAND succeeds; fails after SECONDS. The pause only spaces out the questions.
wait_until() {
  local deadline=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.1
  done
}

# --- processes -------------------------------------------------------------------------------------------------------------

# The kernel's start time of a process (field 22 of stat, counted after the name, which may hold spaces). A pid alone can be
# another process by the time we stop it; pid and start time together cannot.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# pid_of NAME: prints the pid if the process that we started under this name still lives.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$RUN/$1.pid" || return 1
  [[ -n $started && $(start_time "$pid") == "$started" ]] || return 1
  # A killed process whose parent has not collected it yet is no longer running.
  [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) != Z* ]] || return 1
  printf '%s\n' "$pid"
}

alive() { pid_of "$1" >/dev/null; }
gone() { ! alive "$1"; }

# launch NAME COMMAND...: in a session of its own, so that Ctrl-C on the caller does not reach it; output to its log.
launch() {
  local name=$1
  shift
  printf -- '--- %s started %s\n' "$name" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$LOGS/$name.log"
  # Descriptors 7 to 9 are our locks: a server that inherited one would hold it for life.
  setsid "$@" >>"$LOGS/$name.log" 2>&1 </dev/null 7>&- 8>&- 9>&- &
  local pid=$!
  disown "$pid"
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$RUN/$name.pid"
}

# stop NAME [SIGNAL]: asks politely, then insists.
stop() {
  local name=$1 signal=${2:-TERM} pid
  # To Postgres, TERM means to wait for every client; INT means now, and orderly.
  if [[ $name == postgres && $signal == TERM ]]; then signal=INT; fi
  pid=$(pid_of "$name") || {
    rm -f "$RUN/$name.pid"
    return 0
  }
  kill -s "$signal" "$pid" 2>/dev/null || true
  if ! wait_until "$STOP_SECONDS" gone "$name"; then
    say "$name did not stop within $STOP_SECONDS s; killing it"
    kill -s KILL "$pid" 2>/dev/null || true
    wait_until "$STOP_SECONDS" gone "$name" || die "$name (pid $pid) cannot be killed"
  fi
  rm -f "$RUN/$name.pid"
}

# await NAME CONDITION...: until the condition holds, the process is gone, or the time is over.
await() {
  local name=$1
  shift
  # shellcheck disable=SC2317 # called by wait_until
  settled() { gone "$name" || "$@"; }
  if ! wait_until "$READY_SECONDS" settled "$@" || gone "$name"; then
    say "$name did not become ready; the end of $LOGS/$name.log:"
    tail -n 25 "$LOGS/$name.log" >&2 || true
    return 1
  fi
}

# --- the stack's own addresses ---------------------------------------------------------------------------------------------

# Loads the addresses that `up` has chosen.
load_env() {
  [[ -f $ENV_FILE ]] || die "no stack in $STATE; start one with: stack/stack up"
  # shellcheck source=/dev/null
  . "$ENV_FILE"
}

need_running() {
  load_env
  local name
  for name in "$@"; do
    alive "$name" || die "$name is not running; see: stack/stack status"
  done
}
