# shellcheck shell=bash
# Postgres and MariaDB: made in an empty folder, seeded once, started on the chosen ports.

# Postgres refuses to run as root, MariaDB should not; as root they run as an unprivileged user that exists anyway.
database_user() {
  if ((EUID != 0)); then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# The words that go before a database's program. setpriv, unlike su, replaces itself by the program, so the pid stays the
# server's. What Postgres' programs would read from the environment (PGPORT and the like) is taken away.
AS_DATABASE=(env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE -u PGPASSWORD -u PGDATA)
if ((EUID == 0)); then
  AS_DATABASE+=(setpriv "--reuid=$(database_user)" "--regid=$(id -gn "$(database_user)")" --init-groups --)
fi

# Prints the folder that holds the data folders. The unprivileged user must be able to reach it, which a folder below /root or
# a fresh `mktemp -d` does not allow; then it lies in /var/lib, under a name of this stack's own.
database_home() {
  local home=$STATE/databases
  if ((EUID == 0)) && ! (cd / && "${AS_DATABASE[@]}" test -x "$STATE"); then
    home=/var/lib/rowbell-stack-$(<"$STATE/id")
  fi
  printf '%s\n' "$home"
}

make_database_home() {
  DATABASES=$(database_home)
  mkdir -p "$DATABASES"
  if ((EUID == 0)); then chown "$(database_user):" "$DATABASES"; fi
}

# start_database NAME: makes and seeds the data folder unless an earlier run did, and leaves the server running.
# The mark is set after the seeding: a run that was interrupted before begins again.
start_database() {
  local name=$1 data=$DATABASES/$1
  if [[ ! -e $data/seeded ]]; then
    rm -rf "$data"
    "make_$name" "$data" >>"$LOGS/$name.log" 2>&1 || {
      tail -n 15 "$LOGS/$name.log" >&2
      return 1
    }
  fi
  "launch_$name" "$data"
  await "$name" "${name}_answers"
  if [[ ! -e $data/seeded ]]; then
    "seed_$name" >>"$LOGS/$name.log" 2>&1 || {
      say "stack/seed/$name.sql failed; the end of $LOGS/$name.log:"
      tail -n 15 "$LOGS/$name.log" >&2
      return 1
    }
    touch "$data/seeded"
  fi
}

# --- Postgres --------------------------------------------------------------------------------------------------------------

make_postgres() (
  cd /
  # shellcheck disable=SC2016 # the inner shell expands it
  "${AS_DATABASE[@]}" sh -c 'umask 077; printf "%s\n" "$2" >"$1"' sh "$DATABASES/password" "$POSTGRES_PASSWORD"
  "${AS_DATABASE[@]}" "$(postgres_bin)/initdb" --pgdata="$1" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    --auth=scram-sha-256 --pwfile="$DATABASES/password"
  rm "$DATABASES/password"
)

# No Unix socket: its path could be longer than the 107 bytes that Linux allows. fsync off: the data outlive a crash of
# Postgres, only not one of the machine, and the stack starts faster.
launch_postgres() (
  cd /
  launch postgres "${AS_DATABASE[@]}" "$(postgres_bin)/postgres" -D "$1" -p "$PORT_POSTGRES" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c wal_level=logical \
    -c max_wal_senders=10 -c max_replication_slots=10 -c max_slot_wal_keep_size=2GB \
    -c shared_buffers=64MB -c fsync=off -c log_min_messages=warning
)

postgres_answers() { "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$PORT_POSTGRES"; }

seed_postgres() { postgres_client postgres -q -v ON_ERROR_STOP=1 -f "$ROOT/stack/seed/postgres.sql"; }

# postgres_client DATABASE ARGUMENT...: as the superuser.
postgres_client() {
  local database=$1
  shift
  env -u PGSERVICE PGPASSWORD="$POSTGRES_PASSWORD" psql -X -h 127.0.0.1 -p "$PORT_POSTGRES" -U postgres -d "$database" "$@"
}

# --- MariaDB ---------------------------------------------------------------------------------------------------------------

# Only for the seeding and for nobody else; in /tmp because of the length limit of socket paths.
mariadb_socket() { printf '/tmp/rowbell-%s.sock\n' "$(<"$STATE/id")"; }

make_mariadb() (
  cd /
  "${AS_DATABASE[@]}" mariadb-install-db --no-defaults --datadir="$1" --auth-root-authentication-method=normal --skip-test-db
)

# Debezium reads the binary log as a replica does: it needs a server id, and rows with their full old and new images.
launch_mariadb() (
  cd /
  launch mariadb "${AS_DATABASE[@]}" "$(mariadb_server)" --no-defaults --datadir="$1" --bind-address=127.0.0.1 --port="$PORT_MARIADB" \
    --socket="$(mariadb_socket)" --skip-name-resolve --character-set-server=utf8mb4 \
    --server-id=1 --log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL --binlog-expire-logs-seconds=86400 \
    --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=2 --sync-binlog=0
)

# Until the seeding, root has no password and is asked over the socket; afterwards over TCP as everybody else.
mariadb_answers() {
  if [[ -e $DATABASES/mariadb/seeded ]]; then
    mariadb_client -e 'SELECT 1'
  else
    mariadb --no-defaults -S "$(mariadb_socket)" -u root -e 'SELECT 1'
  fi &>/dev/null
}

seed_mariadb() {
  mariadb --no-defaults -S "$(mariadb_socket)" -u root <"$ROOT/stack/seed/mariadb.sql"
}

# mariadb_client ARGUMENT...: as root.
mariadb_client() {
  MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --no-defaults -h 127.0.0.1 -P "$PORT_MARIADB" -u root -D shop "$@"
}
