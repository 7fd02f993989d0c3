# shellcheck shell=bash
# Ports: the usual one of each server, or the next free one where it is taken, so that several stacks can live side by side.
# A port is taken when something listens on it, or when another stack has reserved it and its server is only starting.

# NAME=preferred. The kafka controller has a port too; nobody but the broker talks to it.
PREFERRED_PORTS=(postgres=5432 mariadb=3306 kafka=9092 controller=9093 registry=8081 connect=8083)

RESERVATIONS=$CACHE/ports

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A reservation line is "port pid starttime directory". It holds while the process that made it lives (a stack coming up) or
# while the directory's stack runs.
reserved_by_another() {
  local port pid started dir
  while read -r port pid started dir; do
    [[ $port == "$1" && $dir != "$STATE" ]] || continue
    if [[ $(start_time "$pid") == "$started" ]] || compgen -G "$dir/run/*.pid" >/dev/null; then
      return 0
    fi
  done <"$RESERVATIONS"
  return 1
}

# choose_ports: sets PORT_<NAME> for every server; ports chosen by an earlier `up` of this stack are kept, so that addresses
# in clients' hands stay true.
choose_ports() {
  local entry name port variable pid=$BASHPID started
  started=$(start_time "$pid")
  mkdir -p "$CACHE"
  exec 8>"$CACHE/ports.lock"
  flock 8
  forget_own_ports
  local taken=()
  for entry in "${PREFERRED_PORTS[@]}"; do
    name=${entry%%=*}
    variable=PORT_${name^^}
    if [[ -n ${!variable:-} ]] && { alive "${name/controller/kafka}" || ! listening "${!variable}"; }; then
      port=${!variable}
    else
      port=${entry#*=}
      while listening "$port" || reserved_by_another "$port" || [[ " ${taken[*]:-} " == *" $port "* ]]; do
        port=$((port + 10))
      done
    fi
    taken+=("$port")
    printf -v "$variable" %s "$port"
    printf '%s %s %s %s\n' "$port" "$pid" "$started" "$STATE" >>"$RESERVATIONS"
  done
  exec 8>&-
}

# Under the lock only.
forget_own_ports() {
  touch "$RESERVATIONS"
  awk -v dir="$STATE" '{ line = $0; sub(/^[0-9]+ [0-9]+ [0-9]+ /, "", line) } line != dir' "$RESERVATIONS" >"$RESERVATIONS.new"
  mv "$RESERVATIONS.new" "$RESERVATIONS"
}

release_ports() {
  [[ -f $RESERVATIONS ]] || return 0
  exec 8>"$CACHE/ports.lock"
  flock 8
  forget_own_ports
  exec 8>&-
}

# What the rest of the world needs to know, as KEY=value.
write_env() {
  cat >"$ENV_FILE" <<EOF
ROWBELL_KAFKA=127.0.0.1:$PORT_KAFKA
ROWBELL_CONNECT=http://127.0.0.1:$PORT_CONNECT
ROWBELL_REGISTRY=http://127.0.0.1:$PORT_REGISTRY/apis/ccompat/v7
ROWBELL_PG_PORT=$PORT_POSTGRES
ROWBELL_PG_URL=postgresql://postgres:$POSTGRES_PASSWORD@127.0.0.1:$PORT_POSTGRES/shop
ROWBELL_MARIADB_PORT=$PORT_MARIADB
ROWBELL_STACK_LOGS=$(printf %q "$LOGS")
PORT_POSTGRES=$PORT_POSTGRES
PORT_MARIADB=$PORT_MARIADB
PORT_KAFKA=$PORT_KAFKA
PORT_CONTROLLER=$PORT_CONTROLLER
PORT_REGISTRY=$PORT_REGISTRY
PORT_CONNECT=$PORT_CONNECT
EOF
}
