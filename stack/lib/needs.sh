# shellcheck shell=bash
# What must be on the machine, found before anything starts; installed where that is allowed, else named exactly.

has() { command -v "$1" >/dev/null; }

# Postgres' servers often lie outside PATH; initdb and postgres must be of one version, so they are taken from one folder.
postgres_bin() {
  local folder
  if folder=$(command -v postgres); then
    dirname "$(readlink -f "$folder")"
  else
    compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1 | xargs -r dirname
  fi
}

mariadb_server() { command -v mariadbd || { [[ -x /usr/sbin/mariadbd ]] && echo /usr/sbin/mariadbd; }; }

java_command() {
  if [[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/java ]]; then echo "$JAVA_HOME/bin/java"; else command -v java; fi
}

# Kafka 4 needs Java 17.
java_is_new_enough() {
  local java version
  java=$(java_command) || return 1
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  [[ -n $version ]] && ((version >= 17))
}

# The distribution's default Java, except where that is older than 17.
java_package() {
  case $(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") in
    "ubuntu 20.04" | "ubuntu 22.04") echo openjdk-17-jre-headless ;;
    *) echo default-jre-headless ;;
  esac
}

# missing_packages: one line "package: what for" for each package that is missing for the wanted services.
missing_packages() {
  has curl || echo "curl: asks servers whether they are ready"
  has python3 || echo "python3: talks to Kafka Connect"
  if wants postgres && { [[ -z $(postgres_bin) ]] || ! has psql; }; then echo "postgresql: Postgres and psql"; fi
  if wants mariadb; then
    # The -core packages hold the programs without a service that would start by itself.
    [[ -n $(mariadb_server) ]] || echo "mariadb-server-core: MariaDB"
    has mariadb || echo "mariadb-client-core: the mariadb client"
  fi
  if wants kafka || wants connect || wants registry; then
    java_is_new_enough || echo "$(java_package): Java 17 or newer for Kafka, Kafka Connect and the registry"
    [[ -z $(missing_downloads) ]] || has mvn || echo "maven: downloads Kafka, Debezium and the registry"
  fi
  if wants kafka; then has kcat || echo "kcat: reads topics"; fi
}

install_packages() {
  local as_root=()
  if ((EUID != 0)); then as_root=(sudo); fi
  say "installing: $*"
  # The lock timeout waits for another apt that is busy, such as the machine's own updates.
  if ! "${as_root[@]}" apt-get -q update >"$LOGS/apt.log" 2>&1 ||
    ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
      -o DPkg::Lock::Timeout=300 "$@" >>"$LOGS/apt.log" 2>&1; then
    tail -n 15 "$LOGS/apt.log" >&2
    die "apt-get could not install: $*"
  fi
}

check_needs() {
  local lines packages
  lines=$(missing_packages)
  [[ -n $lines ]] || return 0
  mapfile -t packages <<<"$lines"
  packages=("${packages[@]%%:*}")
  if has apt-get && { ((EUID == 0)) || [[ ${SETUP:-} == 1 ]]; }; then
    install_packages "${packages[@]}"
    lines=$(missing_packages)
    [[ -z $lines ]] || die "still missing after the installation: $lines"
  else
    printf 'stack: error: missing on this machine:\n' >&2
    printf '  %s\n' "${lines//$'\n'/$'\n'  }" >&2
    hint "sudo apt-get install -y --no-install-recommends ${packages[*]}    (or run this again with SETUP=1)"
    exit 1
  fi
}
