# shellcheck shell=bash
# The Java servers: Kafka (one KRaft node), Kafka Connect and the schema registry, and Kafka's own tools.

# A small fixed heap, and the fast compiler only: on two cores the thorough one costs more at the start than these short runs
# win back. ROWBELL_STACK_JVM replaces the compiler and collector flags where throughput matters more.
JVM_FLAGS=${ROWBELL_STACK_JVM:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}
LOG_FLAGS=(-Dorg.slf4j.simpleLogger.showDateTime=true '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS'
  -Dorg.slf4j.simpleLogger.showShortLogName=true)

# launch_java NAME HEAP ARGUMENT...
launch_java() {
  local name=$1 heap=$2 flags
  shift 2
  read -ra flags <<<"$JVM_FLAGS"
  launch "$name" "$(java_command)" "-Xmx$heap" "${flags[@]}" "${LOG_FLAGS[@]}" "$@"
}

# kafka_tool CLASS ARGUMENT...: one of Kafka's command line tools, quiet but for warnings.
kafka_tool() {
  "$(java_command)" "-Xmx${TOOL_HEAP:-128m}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$KAFKA_HOME/*" "$@"
}

answers_http() { curl -sf -o /dev/null --max-time 2 "$1"; }

# --- Kafka -----------------------------------------------------------------------------------------------------------------

# After a kill -9 the controller holds the old broker for alive until its session is over, and refuses the new one: 3 s
# instead of the usual 9 s, since the two are one process here.
# Under KIP-848 the broker says how long a member that is silent counts as one: as long as Rowbell's own session timeout, instead of 45 s.
# Topics are created on purpose, as in production: by Kafka Connect (topic.creation.*), Rowbell or `stack/stack topic create`.
# The internal topics get few partitions; their 50 by default cost seconds at the first use.
write_kafka_config() {
  cat >"$RUN/kafka.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$PORT_CONTROLLER
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$PORT_KAFKA,CONTROLLER://127.0.0.1:$PORT_CONTROLLER
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT_KAFKA
log.dirs=$STATE/kafka
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
EOF
}

format_kafka() {
  [[ ! -f $STATE/kafka/meta.properties ]] || return 0
  kafka_tool kafka.tools.StorageTool format -t "$(<"$STATE/id")" -c "$RUN/kafka.properties" >>"$LOGS/kafka.log" 2>&1
}

start_kafka() {
  write_kafka_config
  format_kafka
  launch_java kafka 512m -Xms256m -cp "$KAFKA_HOME/*" kafka.Kafka "$RUN/kafka.properties"
  await kafka kafka_answers
}

# A broker that is in the metadata is registered, caught up and takes requests; an open port alone says less.
kafka_answers() {
  listening "$PORT_KAFKA" && [[ $(kcat -b "127.0.0.1:$PORT_KAFKA" -m 5 -L 2>/dev/null) == *"broker 1 at"* ]]
}

# --- Schema registry -------------------------------------------------------------------------------------------------------

# The schemas are kept in Kafka, beside the records that cannot be read without them: they outlive a restart or a crash of the
# registry. (In memory, its default, ids would begin anew and name other schemas.) It waits for Kafka by itself.
start_registry() {
  # It looks for its libraries in the working directory.
  pushd "$REGISTRY_HOME" >/dev/null || return
  launch_java registry 384m -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$PORT_REGISTRY" \
    -Dapicurio.storage.kind=kafkasql -Dapicurio.kafkasql.bootstrap.servers="127.0.0.1:$PORT_KAFKA" \
    -jar "apicurio-registry-app-$APICURIO_VERSION-runner.jar"
  popd >/dev/null || return
  await registry registry_answers
}

registry_answers() { answers_http "http://127.0.0.1:$PORT_REGISTRY/apis/ccompat/v7/subjects"; }

# --- Kafka Connect ---------------------------------------------------------------------------------------------------------

# The connectors name hosts and secrets as ${env:CDC_...}; the pattern keeps the worker's other variables from them.
# scheduled.rebalance.max.delay.ms=0: with one worker there is no other to wait for; by default, a restarted worker
# leaves its tasks idle for five minutes.
write_connect_config() {
  # Each folder below plugin.path is one plugin; the cache may hold other versions, so this one names those of today.
  local plugin
  rm -rf "$RUN/plugins"
  mkdir "$RUN/plugins"
  for plugin in "${PLUGINS[@]}"; do ln -s "$CACHE/$plugin" "$RUN/plugins/"; done
  cat >"$RUN/connect.properties" <<EOF
bootstrap.servers=127.0.0.1:$PORT_KAFKA
group.id=rowbell-stack-connect
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
offset.storage.partitions=1
status.storage.replication.factor=1
status.storage.partitions=1
offset.flush.interval.ms=10000
session.timeout.ms=6000
heartbeat.interval.ms=2000
scheduled.rebalance.max.delay.ms=0
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
listeners=http://127.0.0.1:$PORT_CONNECT
rest.advertised.host.name=127.0.0.1
plugin.path=$RUN/plugins
plugin.discovery=service_load
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=CDC_.*
EOF
}

start_connect() {
  write_connect_config
  # The addresses that connectors/*.json refer to. The same names are set in deploy/compose/compose.yaml.
  export CDC_KAFKA=127.0.0.1:$PORT_KAFKA
  export CDC_REGISTRY_URL=http://127.0.0.1:$PORT_REGISTRY/apis/registry/v2
  export CDC_PG_HOST=127.0.0.1 CDC_PG_PORT=$PORT_POSTGRES CDC_PG_SSLMODE=disable
  export CDC_MARIADB_HOST=127.0.0.1 CDC_MARIADB_PORT=$PORT_MARIADB CDC_MARIADB_SSLMODE=disable
  launch_java connect 768m -cp "$KAFKA_HOME/*" org.apache.kafka.connect.cli.ConnectDistributed "$RUN/connect.properties"
  await connect connect_answers
}

# /health says 200 once the worker has read its topics and joined its group.
connect_answers() { answers_http "http://127.0.0.1:$PORT_CONNECT/health"; }
