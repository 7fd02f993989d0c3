# shellcheck shell=bash
# The commands that talk to running servers: connectors, databases, topics, consumer groups.

# --- connectors ------------------------------------------------------------------------------------------------------------

connector() {
  local command=${1:-} subject=${2:-}
  [[ $# == 2 && $command =~ ^(apply|delete|status)$ ]] || usage_error "connector apply FILE | delete NAME | status NAME"
  need_running kafka connect
  local mark answer
  mark=$(wc -c <"$LOGS/connect.log")
  answer=$(python3 "$ROOT/stack/lib/connector.py" "$command" "$subject" --connect "$ROWBELL_CONNECT")
  if [[ $command == apply && $answer != *unchanged* ]]; then await_streaming "$subject" "$mark"; fi
  printf '%s\n' "$answer"
}

# A task counts as RUNNING while Debezium is still reading the schema; a change made then could be missed with
# snapshot.mode=no_data. Only the log says when it streams.
await_streaming() {
  local prefix
  prefix=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["config"].get("topic.prefix", ""))' "$1")
  [[ $prefix ]] || return 0
  # Not grep -q: it would stop reading at the first match, and tail would fail for the broken pipe.
  # shellcheck disable=SC2317 # called by wait_until
  streams() { (($(tail -c "+$(($2 + 1))" "$LOGS/connect.log" | grep -c -- "-$1-change-event-source-coordinator\] .*Starting streaming"))); }
  wait_until 60 streams "$prefix" "$2" || die "$prefix runs but does not stream yet; see: stack/stack logs connect"
}

# --- databases and topics --------------------------------------------------------------------------------------------------

run_mysql() {
  need_running mariadb
  local argument arguments=()
  # mariadb's own -c means something else; here it is psql's, so that both databases are asked in one way.
  for argument in "$@"; do
    if [[ $argument == -c ]]; then arguments+=(-e); else arguments+=("$argument"); fi
  done
  mariadb_client "${arguments[@]}"
}

topic() {
  local command=${1:-} name=${2:-}
  need_running kafka
  case $command in
    list) kcat -b "$ROWBELL_KAFKA" -L | sed -n 's/^  topic "\(.*\)" with .*/\1/p' | sort ;;
    create)
      [[ $name ]] || usage_error "topic create NAME [PARTITIONS]"
      kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$ROWBELL_KAFKA" \
        --create --if-not-exists --topic "$name" --partitions "${3:-4}" --replication-factor 1 | sed '/^WARNING/d'
      ;;
    delete)
      [[ $name ]] || usage_error "topic delete NAME"
      kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$ROWBELL_KAFKA" --delete --topic "$name"
      ;;
    *) usage_error "topic create NAME [PARTITIONS] | list | delete NAME" ;;
  esac
}

consume() {
  local topic=${1:-} until_end=(-e)
  [[ $topic ]] || usage_error "consume TOPIC [--follow] [KCAT OPTION...]"
  shift
  if [[ ${1:-} == --follow ]]; then
    until_end=()
    shift
  fi
  need_running kafka
  kcat -b "$ROWBELL_KAFKA" -C -q -Z -t "$topic" -o beginning "${until_end[@]}" -f '%p\t%o\t%k\t%s\t%h\n' "$@"
}

committed() {
  local group=${1:-}
  [[ $group ]] || usage_error "committed GROUP"
  need_running kafka
  local answer
  if ! answer=$(kafka_tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$ROWBELL_KAFKA" \
    --describe --group "$group" --offsets 2>&1); then
    [[ $answer == *GroupIdNotFoundException* ]] || die "$answer"
  fi
  if [[ $answer == *GroupIdNotFoundException* ]]; then
    say "there is no group $group (yet)"
    return 0
  fi
  # The columns are found by their headings, which have moved between Kafka's versions.
  awk '$1 == "GROUP" { for (i = 1; i <= NF; i++) column[$i] = i; next }
       column["TOPIC"] && $column["CURRENT-OFFSET"] ~ /^[0-9]+$/ { print $column["TOPIC"], $column["PARTITION"], $column["CURRENT-OFFSET"] }' \
    <<<"$answer" | sort -k1,1 -k2,2n
}
