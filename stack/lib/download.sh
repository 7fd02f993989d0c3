# shellcheck shell=bash
# The Java parts, from Maven's repository into the cache, once per version. Maven is asked as it is set up on this machine.

# shellcheck disable=SC2034 # used in kafka.sh
KAFKA_HOME=$CACHE/kafka-$KAFKA_VERSION
PLUGINS=(
  "debezium-postgres-$DEBEZIUM_VERSION"
  "debezium-mariadb-$DEBEZIUM_MARIADB_VERSION"
  "avro-converter-$APICURIO_CONVERTER_VERSION"
)
REGISTRY_HOME=$CACHE/apicurio-$APICURIO_VERSION

# A folder appears under its final name only when it is whole, so "it exists" means "it is complete".
cached() { [[ -d $CACHE/$1 ]]; }

maven() {
  mvn -q -B -Dstyle.color=never -f "$ROOT/stack/pom.xml" \
    -Dkafka.version="$KAFKA_VERSION" -Dslf4j.version="$SLF4J_VERSION" \
    -Ddebezium.postgres.version="$DEBEZIUM_VERSION" -Ddebezium.mariadb.version="$DEBEZIUM_MARIADB_VERSION" \
    -Dapicurio.converter.version="$APICURIO_CONVERTER_VERSION" "$@" >"$CACHE/maven.log" 2>&1 || {
    grep -m 5 ERROR "$CACHE/maven.log" >&2
    die "Maven could not fetch what the stack needs; its output is in $CACHE/maven.log"
  }
}

# fetch_jars PROFILE FOLDER: the jars of a profile of pom.xml.
fetch_jars() {
  local holder=$CACHE/$2.new new=$CACHE/$2.new/$2
  rm -rf "$holder"
  maven -P "$1" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new"
  if [[ $1 != kafka ]]; then
    # The worker brings its own; a second copy in a plugin's folder clashes with it.
    rm -f "$new"/connect-api-*.jar "$new"/kafka-clients-*.jar
  fi
  if [[ $1 == avro-converter ]]; then
    # Apicurio's converter does not list itself as a plugin. Kafka's own tool adds that list, once, here; otherwise Connect
    # would have to look into every class of every plugin at each start (about 9 s on two cores).
    TOOL_HEAP=512m kafka_tool org.apache.kafka.tools.ConnectPluginPath sync-manifests --plugin-path "$holder" >"$CACHE/plugins.log" 2>&1 ||
      die "the list of plugins could not be added to $2; see $CACHE/plugins.log"
  fi
  mv "$new" "$CACHE/$2"
  rmdir "$holder"
}

# The registry is one archive with everything in it. The plugin's version 2.10 is the last whose `get` takes an archive as it is
# and puts it where it is told; later ones insist on reading the parent poms, which are not all published.
fetch_registry() {
  local new=$REGISTRY_HOME.new archive=$CACHE/apicurio.tar.gz
  maven org.apache.maven.plugins:maven-dependency-plugin:2.10:get -Dtransitive=false -Ddest="$archive" \
    -Dartifact="io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all"
  rm -rf "$new"
  mkdir -p "$new"
  tar -xzf "$archive" -C "$new"
  rm "$archive"
  mv "$new" "$REGISTRY_HOME"
}

# missing_downloads: prints what `download` would fetch.
missing_downloads() {
  if wants kafka || wants connect; then cached "kafka-$KAFKA_VERSION" || echo kafka; fi
  if wants connect; then
    local plugin
    for plugin in "${PLUGINS[@]}"; do cached "$plugin" || echo "$plugin"; done
  fi
  if wants registry; then cached "apicurio-$APICURIO_VERSION" || echo registry; fi
}

download() {
  local part began
  mkdir -p "$CACHE"
  # Two stacks that start together must not fetch into the same folder.
  exec 9>"$CACHE/download.lock"
  flock 9
  for part in $(missing_downloads); do
    say "downloading $part ..."
    began=$(now_ms)
    case $part in
      kafka) fetch_jars kafka "kafka-$KAFKA_VERSION" ;;
      registry) fetch_registry ;;
      *) fetch_jars "${part%-*}" "$part" ;;
    esac
    say "downloading $part took $((($(now_ms) - began) / 1000)) s"
  done
  exec 9>&-
}
