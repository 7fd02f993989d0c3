mod wording;

use super::*;
use crate::change::{Format, Placeholders};
use crate::destination::Target;
use crate::message::Priority;
use crate::registry::Credentials;
use secrecy::ExposeSecret;

/// The example of the design, which must load as it stands.
const FULL: &str = include_str!("../../tests/fixtures/config/full.yaml");

fn env(name: &str) -> Option<String> {
    match name {
        "SLACK_WEBHOOK_URL" => Some("https://slack.example/services/T0/B0/x".to_owned()),
        "TEAMS_WORKFLOW_URL" => Some("https://teams.example/workflows/1?sig=x".to_owned()),
        "SLACK_BOT_TOKEN" => Some("bot-token".to_owned()),
        "ERP_SECRET" | "HOOK_SECRET" => Some("whsec_c2VjcmV0".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse_text(text: &str) -> Result<(Config, Report), Report> {
    parse(text, Report::new("rowbell.yaml"), &env)
}

fn errors(text: &str) -> String {
    match parse_text(text) {
        Ok((_, report)) => panic!("accepted, with {report}"),
        Err(report) => report.to_string(),
    }
}

/// A config that is fine, with `extra` below it.
fn with(extra: &str) -> String {
    format!(
        "kafka: {{ brokers: localhost:9092, topics: [shop.public.listings] }}\n\
         destinations:\n  ops:\n    slack: {{ webhook_url: \"${{env:SLACK_WEBHOOK_URL}}\" }}\n{extra}"
    )
}

#[test]
fn the_designs_example_loads_and_means_what_it_says() {
    let (config, report) = parse_text(FULL).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.kafka.topics, ["shop.public.listings", "^store\\..*"]);
    assert_eq!(config.destinations.len(), 4);
    let [out_of_stock, price] = &config.rules[..] else { panic!("two rules") };
    assert_eq!(out_of_stock.priority, Priority::Critical);
    assert_eq!(out_of_stock.to, [0, 1]);
    assert!(price.on.contains(crate::change::Op::Update));
    assert!(!price.on.contains(crate::change::Op::Create), "columns without on: update alone");
    assert_eq!(config.destinations[0].rate, units::rate("1/s").unwrap());
    assert_eq!(config.destinations[1].rate, units::rate("25/5m").unwrap());
    assert_eq!(config.destinations[3].in_flight, 4);
    // People read digests and net changes, programs want each change.
    let [ops, floor, _, erp] = &config.destinations[..] else { panic!("four destinations") };
    assert_eq!([ops, floor, erp].map(|found| found.digest.map(|after| after.as_secs())), [Some(30), Some(30), None]);
    assert_eq!([ops, floor, erp].map(|found| found.fold), [true, true, false]);
    assert_eq!(config.limits.metadata_bytes, 4096);
    assert!(
        matches!(&config.destinations[2].target, Target::SlackBot(bot) if bot.thread_by_row && !bot.update),
        "{:?}",
        config.destinations[2].target
    );
    let table = config.table("any", "public.listings").unwrap();
    assert_eq!(&*table.redacted, ["seller_email".to_owned()]);
    assert_eq!(table.full_identity, Some(true));
    // What later issues build is said, not silently ignored.
    let warnings: Vec<_> = report.warnings().map(|w| w.message.as_str()).collect();
    assert!(warnings.iter().any(|w| w.starts_with("hooks") && w.contains("not available yet")), "{warnings:?}");
}

#[test]
fn threads_and_updates_need_a_bot_token() {
    let desk = |slack: &str, rate: &str| with(&format!("  desk: {{ slack: {{ {slack} }}{rate} }}\n"));
    let bot = "token: \"${env:SLACK_BOT_TOKEN}\", channel: C1";
    let found = errors(&desk(&format!("{bot}, thread_by: rows"), ""));
    assert!(found.contains("5:77: error: thread_by cannot be \"rows\"\n  hint: did you mean \"row\"?"), "{found}");
    let found = errors(&desk(&format!("{bot}, thread_by: day"), ""));
    assert!(found.contains("hint: thread_by: row is all there is"), "{found}");
    let found = errors(&desk("webhook_url: \"https://slack.example/x\", thread_by: row, update: true", ""));
    for word in
        ["error: thread_by needs a bot token", "error: update needs a bot token", "hint: give a token and a channel"]
    {
        assert!(found.contains(word), "{word}: {found}");
    }
    let found = errors(&desk("token: \"${env:SLACK_BOT_TOKEN}\", update: true", ""));
    assert!(found.contains("a bot token needs a channel") && !found.contains("needs a bot token"), "{found}");

    let named = "token: \"${env:SLACK_BOT_TOKEN}\", channel: \"#desk\"";
    let warned = |slack: &str| {
        let (_, report) = parse_text(&desk(slack, "")).unwrap();
        report.warnings().any(|found| found.message.contains("\"#desk\" is not a channel's id"))
    };
    assert!(warned(&format!("{named}, thread_by: row")) && !warned(named));

    // Slack takes fewer updates than messages.
    let paced = |settings: &str, rate: &str| {
        let (config, report) = parse_text(&desk(&format!("{bot}, {settings}"), rate)).unwrap();
        let warned = report.warnings().any(|found| found.message.contains("above what Slack allows"));
        (config.destinations[1].rate, warned)
    };
    let rate = |text| units::rate(text).unwrap();
    assert_eq!(paced("update: true", ""), (rate("50/m"), false));
    assert_eq!(paced("update: true", ", rate: 1/s"), (rate("1/s"), true));
    assert_eq!(paced("update: true", ", rate: 10/m"), (rate("10/m"), false));
    assert_eq!(paced("thread_by: row, update: false", ""), (rate("1/s"), false));
}

#[test]
fn topics_are_pinned_to_formats_and_the_first_glob_counts() {
    let text = with("decode: { \"legacy.a\": avro, \"legacy.*\": flat }\nunavailable_placeholder: n/a\n");
    let (config, report) = parse_text(&text).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(report.warnings().filter(|w| w.message.contains("decode")).count(), 0);
    let format = |topic: &str| config.reading(topic).format;
    assert_eq!(format("legacy.a"), Some(Format::Avro));
    assert_eq!(format("legacy.b.c"), Some(Format::Flat));
    assert_eq!(format("shop.a"), None);
    for topic in ["legacy.a", "shop.a"] {
        assert_eq!(config.reading(topic).placeholders, Placeholders::new(["n/a"]));
    }
    let found = errors(&with("decode: { \"a.*\": avroo, \"b[\": json }\n"));
    assert!(found.contains("\"avroo\" is no format to decode\n  hint: did you mean \"avro\"?"), "{found}");
    assert!(found.contains("\"b[\" is not a glob"), "{found}");
    let found = errors(&with("decode: { \"a.*\": xml }\n"));
    assert!(found.contains("one of: json, avro, protobuf, json_schema, cloudevents, flat"), "{found}");
}

#[test]
fn what_is_not_set_is_told_once_and_hides_nothing_else() {
    let text = "kafka: { brokers: \"${env:NOPE}\", topics: [t] }\ntime_zone: \"${env:NOPE}\"\n\
                destinations:\n  a: { slack: { webhook_url: \"${env:NOPE}\" } }\n  \
                b: { slack: { token: \"${env:NOPE}\", channel: C0123456789, thread_by: rows } }\n\
                limits: { pending_bytes: \"${env:NOPE}\" }\nrules: [{ name: r, table: a.b, to: [a, b] }]\n";
    let report = parse(text, Report::new("f"), &|_| None).map(|_| ()).expect_err("nothing is set");
    let codes: Vec<_> = report.sorted().iter().map(|found| (found.place.line, found.code)).collect();
    let unset = |line| (line, Code::UnresolvedReference);
    assert_eq!(codes, [unset(1), unset(2), unset(4), unset(5), (5, Code::InvalidValue), unset(6)], "{report}");
}

#[test]
fn that_kafka_is_missing_is_told_beside_other_mistakes() {
    let wrong = |text: &str| parse(text, Report::new("f"), &|_| None).map(|_| ()).expect_err(text).to_string();
    let said = wrong("time_zone: Berlin\n");
    assert!(said.contains("\"kafka\" is missing") && said.contains("no time zone"), "{said}");
    assert!(!wrong("kafak: { brokers: b:1, topics: [t] }\n").contains("is missing"), "it was meant");
}

#[test]
fn every_unknown_key_is_found_with_its_place_and_the_nearest_name() {
    let text = with(
        "rules:\n  - name: a\n    table: public.listings\n    to: [ops]\n    headlin: x\n    colums: [price]\nrulez: []\n",
    );
    let found = errors(&text);
    assert!(
        found.contains("rowbell.yaml:9:5: error: unknown key \"headlin\"\n  hint: did you mean \"headline\"?"),
        "{found}"
    );
    assert!(
        found.contains("rowbell.yaml:10:5: error: unknown key \"colums\"\n  hint: did you mean \"columns\"?"),
        "{found}"
    );
    assert!(
        found.contains("rowbell.yaml:11:1: error: unknown key \"rulez\"\n  hint: did you mean \"rules\"?"),
        "{found}"
    );
}

#[test]
fn mistakes_in_several_places_are_found_in_one_run() {
    let text = with(
        "    rate: fast\ntime_zone: Mars/Olympus\nrules:\n  - name: a\n    table: public.listings\n    to: [opps]\n    when: befor.x > 1\n  - name: b\n    table: public.listings\n    to: [ops]\n    priority: urgent\n",
    );
    let found = errors(&text);
    assert!(!found.contains("no destination \"ops\""), "a broken destination is still one: {found}");
    for expected in [
        "5:11: error: \"fast\" is not a rate",
        "6:12: error: \"Mars/Olympus\" is no time zone",
        "\"befor\" is not known",
        "did you mean \"before\"?",
        "\"urgent\" is no priority",
    ] {
        assert!(found.contains(expected), "{expected} in\n{found}");
    }
}

#[test]
fn a_wrong_destination_names_the_nearest() {
    let found = errors(&with("rules:\n  - { name: a, table: public.listings, to: [opps] }\n"));
    assert!(found.contains("there is no destination \"opps\"\n  hint: did you mean \"ops\"?"), "{found}");
}

#[test]
fn broken_yaml_says_where() {
    let found = errors("kafka:\n  brokers: [unclosed\nrules: x");
    assert!(found.contains("rowbell.yaml:") && found.contains("not valid YAML"), "{found}");
    let found = errors("- a\n- b\n");
    assert!(found.contains("the config is not a map"), "{found}");
    assert!(errors("").contains("\"kafka\" is missing"));
    let found = errors("kafka: {brokers: b, topics: [a]}\nkafka: {}\nrulez: []\n");
    assert!(
        found.contains("2:1: error: the key \"kafka\" stands here twice\n  hint: the first is in line 1"),
        "{found}"
    );
    assert!(found.contains("unknown key \"rulez\""), "and hides nothing: {found}");
}

#[test]
fn values_of_the_wrong_type_say_what_was_expected() {
    let found = errors("kafka:\n  brokers: 9092\n  topics: [a]\n");
    assert!(found.contains("2:12: error: expected text, found 9092\n  hint: put it in quotes"), "{found}");
    let found = errors("kafka:\n  topics: [a]\n");
    assert!(found.contains("\"brokers\" is missing here"), "{found}");
    let found = errors(&with("    in_flight: many\n"));
    assert!(found.contains("expected a whole number, found \"many\""), "{found}");
}

#[test]
fn environment_variables_and_files_are_resolved_in_values() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "https://slack.example/from-file\n").unwrap();
    let text = format!(
        "kafka: {{ brokers: \"${{env:BROKERS:-localhost:9092}}\", group: \"${{env:EMPTY:-rowbell}}\", topics: [a] }}\n\
         destinations:\n  ops:\n    slack: {{ webhook_url: \"${{file:{}}}\" }}\n    in_flight: \"${{env:N:-3}}\"\n",
        secret.path().display()
    );
    let (config, _) = parse_text(&text).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.kafka.brokers, "localhost:9092");
    assert_eq!(config.kafka.group, "rowbell");
    assert_eq!(config.destinations[0].in_flight, 3);
    let Target::SlackWebhook { url } = &config.destinations[0].target else { panic!("{config:?}") };
    assert_eq!(url.expose_secret(), "https://slack.example/from-file");
}

#[test]
fn a_missing_variable_is_named_where_it_stands() {
    let found = errors("kafka:\n  brokers: \"${env:NO_SUCH}\"\n  topics: [a]\n");
    assert!(found.contains("2:12: error: the environment variable NO_SUCH is not set"), "{found}");
    assert!(found.contains("hint: export NO_SUCH, or give a default"), "{found}");
    assert!(errors("kafka: { brokers: \"${file:/no/such}\", topics: [a] }").contains("/no/such"));
    assert!(errors("kafka: { brokers: \"${env:X\", topics: [a] }").contains("without a closing"));
    assert!(
        errors("kafka: { brokers: \"${vault:X}\", topics: [a] }")
            .contains("neither an environment variable nor a file")
    );
}

#[test]
fn a_variable_cannot_inject_yaml() {
    let env = |_: &str| Some("x\nrules: [evil]\n# \" {".to_owned());
    let text = "kafka: { brokers: \"${env:B}\", topics: [a] }\n";
    let (config, _) = parse(text, Report::new("f"), &env).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.kafka.brokers, "x\nrules: [evil]\n# \" {");
    assert!(config.rules.is_empty());
}

#[test]
fn secrets_appear_in_no_error_and_no_debug_output() {
    let text = "kafka: { brokers: b, topics: [a] }\ndestinations:\n  a: { slack: { webhook_url: \"not a url hunter2\" } }\n  b: { teams: { workflow_url: \"https://x.webhook.office.com/hunter2\" } }\n";
    let found = errors(text);
    assert!(found.contains("is not an http or https URL") && found.contains("Office 365"), "{found}");
    assert!(!found.contains("hunter2"), "{found}");
    let text = "kafka: { brokers: b, topics: [a], properties: { sasl.username: me, sasl.password: hunter2 } }
schema_registry: { url: [\"http://me:hunter2@a:8081\", \"http://b:8081\"], username: me, password: hunter2 }
outgoing: { proxy: \"http://me:hunter2@proxy:3128\" }
http: { admin: 0.0.0.0:8081, admin_token: hunter2 }
destinations:
  a: { slack: { webhook_url: \"https://slack.example/services/hunter2\" } }
  b: { slack: { token: xoxb-hunter2, channel: C0123456789 } }
  c: { teams: { workflow_url: \"https://a.example/?sig=hunter2\" } }
  d: { webhook: { url: \"https://a.example/hunter2\", secret: \"whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==\" } }
";
    let (config, warnings) = parse_text(text).unwrap_or_else(|report| panic!("{report}"));
    let shown = format!("{config:?}\n{warnings}");
    assert!(shown.contains("sasl.password") && shown.contains("plain text"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVy"), "{shown}");
}

#[test]
fn properties_that_guarantees_rest_on_are_refused() {
    let found = errors("kafka:\n  brokers: b\n  topics: [a]\n  properties:\n    enable.auto.commit: true\n");
    assert!(found.contains("5:5: error: the property \"enable.auto.commit\" is Rowbell's own"), "{found}");
}

#[test]
fn on_and_off_are_true_and_false() {
    for word in ["on", "off", "true", "false"] {
        assert!(parse_text(&with(&format!("    fold: {word}\n    digest: {word}\n"))).is_ok(), "{word}");
    }
    assert!(errors(&with("    fold: maybe\n")).contains("expected on or off"));
    assert!(errors(&with("    digest: { after: soon }\n")).contains("not a length of time"));
}

#[test]
fn destinations_with_an_equal_url_share_a_bucket() {
    let (config, _) = parse_text(&with("  same:\n    slack: { webhook_url: \"${env:SLACK_WEBHOOK_URL}\" }\n  other:\n    slack: { webhook_url: \"https://slack.example/2\" }\n"))
        .unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.destinations[0].bucket, config.destinations[1].bucket);
    assert_ne!(config.destinations[0].bucket, config.destinations[2].bucket);
}

/// A config whose table has one column with these settings.
fn with_column(settings: &str) -> String {
    with(&format!("tables:\n  public.listings:\n    columns:\n      c: {{ {settings} }}\n"))
}

#[test]
fn a_columns_words_unit_and_length_are_read() {
    let text = with_column("map: { 1: Open, true: On, \"null\": Not set }, unit: kg, truncate: 40, emoji: \"📦\"");
    let (config, _) = parse_text(&text).unwrap_or_else(|report| panic!("{report}"));
    let column = config.table("any", "public.listings").unwrap().view.column("c").unwrap();
    let map: Vec<_> = column.map.iter().map(|(value, words)| (value.as_str(), words.as_str())).collect();
    assert_eq!(map, [("1", "Open"), ("null", "Not set"), ("true", "On")]);
    assert_eq!((column.unit.as_deref(), column.truncate, column.emoji.as_deref()), (Some("kg"), Some(40), Some("📦")));
    for format in ["bytes", "duration", "boolean", "bool"] {
        assert!(parse_text(&with_column(&format!("format: {format}"))).is_ok(), "{format}");
    }
}

#[test]
fn a_columns_settings_that_cannot_work_are_said() {
    for (settings, words) in [
        ("format: map", "it is a key of its own, beside `format`: `map: ...`"),
        ("format: duration, unit: weeks", "a duration is not counted in \"weeks\"\n  hint: one of: ms, s, min, h"),
        ("truncate: 3", "truncate: 3 leaves nothing to read\n  hint: 20 or more"),
        ("unit: a unit of more than twenty characters", "unit: longer than 20 characters"),
        ("emoji: not one but many words", "emoji: longer than 16 characters"),
        ("emoji: \":fire:\"", "\":fire:\" is a name that posts would show as it is\n  hint: the character itself"),
    ] {
        let found = errors(&with_column(settings));
        assert!(found.contains(words), "{settings}: {found}");
    }
    let (_, report) = parse_text(&with_column("format: percent, unit: kg")).unwrap_or_else(|report| panic!("{report}"));
    assert!(report.to_string().contains("the format percent says its unit already"), "{report}");
}

#[test]
fn the_configs_that_people_copy_load() {
    for (name, text) in [
        ("examples/rowbell.yaml", include_str!("../../examples/rowbell.yaml")),
        ("deploy/compose/rowbell.yaml", include_str!("../../deploy/compose/rowbell.yaml")),
    ] {
        // Variables with a default keep it; the others are secrets and URLs.
        let any = |name: &str| {
            let has_default = text.contains(&format!("${{env:{name}:-"));
            (!has_default).then(|| format!("https://chat.example/{name}"))
        };
        let (config, report) = parse(text, Report::new(name), &any).unwrap_or_else(|report| panic!("{report}"));
        assert!(!config.rules.is_empty(), "{name}");
        assert_eq!(report.to_string(), "", "{name}");
    }
}

#[test]
fn the_configuration_page_names_every_key_at_the_top() {
    let page = include_str!("../../docs/configuration.md");
    for key in model::TOP_KEYS {
        assert!(page.contains(&format!("`{key}")), "{key} is missing in docs/configuration.md");
    }
}

#[test]
fn who_posts_nothing_needs_no_secrets_but_everything_else() {
    let load = |text: &str| parse_without_secrets(text, Report::new("rowbell.yaml"), &env);
    let secrets = "kafka: { brokers: localhost:9092, topics: [t] }\n\
        destinations:\n  ops: { slack: { webhook_url: \"${env:NOBODY_SET_IT}\" } }\n  \
        bot: { slack: { token: \"${env:EMPTY}\", channel: \"${env:NONE:-C1}\" } }\n  \
        file: { teams: { workflow_url: \"${file:/nowhere/at/all}\" } }\n";
    let (config, _) = load(secrets).unwrap_or_else(|report| panic!("{report}"));
    assert!(matches!(&config.destinations[1].target, Target::SlackBot(bot) if bot.channel == "C1"));
    assert!(errors(secrets).contains("NOBODY_SET_IT is not set"), "{}", errors(secrets));
    // A reference that is wrong wherever it is read, and one that is no secret.
    let wrong = "kafka: { brokers: \"${env:NOBODY_SET_IT}\", topics: [t] }\n\
        destinations: { ops: { slack: { webhook_url: \"${vault:x}\" } } }\n";
    let report = load(wrong).expect_err("two mistakes").to_string();
    assert!(report.contains("rowbell.yaml:1:19: error: the environment variable NOBODY_SET_IT"), "{report}");
    assert!(report.contains("${vault:x}"), "{report}");
}

#[test]
fn the_schema_registry_is_read_with_its_credentials() {
    let registry = |text: &str| {
        let (config, _) = parse_text(&with(&format!("schema_registry: {text}\n"))).unwrap_or_else(|r| panic!("{r}"));
        config.schema_registry.expect("a registry")
    };
    let two = registry("{ url: [http://a:8081, http://b:8081], username: me, password: secret, ca_file: /ca.pem }");
    let urls: Vec<_> = two.urls.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(urls, ["http://a:8081", "http://b:8081"]);
    assert!(matches!(two.credentials, Credentials::Basic { username, .. } if username == "me"));
    assert_eq!(two.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert!(matches!(registry("{ url: http://a, token: t }").credentials, Credentials::Bearer(_)));
    for (text, word) in [
        ("{ url: [] }", "url is missing"),
        ("{ url: http://a, username: me }", "or half"),
        ("{ url: http://a, username: me, token: t }", "in two ways"),
    ] {
        let report = errors(&with(&format!("schema_registry: {text}\n")));
        assert!(report.contains(word) && report.contains("hint: "), "{report}");
    }
}

#[test]
fn the_admin_address_is_this_machines_alone_unless_a_token_guards_it() {
    let admin = |http: &str| parse_text(&with(&format!("http: {{ {http} }}\n"))).map(|(config, _)| config.admin);
    let (config, _) = parse_text(&with("")).unwrap_or_else(|report| panic!("{report}"));
    let usual = config.admin.expect("there by default");
    assert!(usual.listen.to_string() == "127.0.0.1:8081" && !usual.chosen && usual.token.is_none());
    assert!(admin("admin: off").unwrap().is_none());
    assert!(admin("admin: \"[::1]:9000\"").unwrap().unwrap().chosen);
    assert!(admin("admin: \"0.0.0.0:8081\", admin_token: x").is_ok());
    for (http, word) in [
        ("admin: \"0.0.0.0:8081\"", "open to the network"),
        ("admin: \"0.0.0.0:8081\", admin_token: \"${env:EMPTY}\"", "empty"),
        ("admin: 8081", "expected text"),
        ("admin: localhost", "no address"),
    ] {
        let report = admin(http).unwrap_err().to_string();
        assert!(report.contains(word) && report.contains("hint: "), "{http}: {report}");
    }
}

#[test]
fn the_admin_address_of_a_file_with_mistakes_elsewhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rowbell.yaml");
    std::fs::write(&path, "rules: 7\nhttp: { admin: \"127.0.0.1:9999\" }\ndestinations: { ops: { slack: {} } }\n")
        .unwrap();
    let settings = load_admin(&path).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(settings.unwrap().listen.port(), 9999);
}

#[test]
fn files_that_a_config_was_read_from_are_known_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let (path, secret) = (folder.path().join("rowbell.yaml"), folder.path().join("url"));
    std::fs::write(&secret, "https://slack.example/services/T0/B0/x\n").unwrap();
    let text = with("").replace("${env:SLACK_WEBHOOK_URL}", &format!("${{file:{}}}", secret.display()));
    std::fs::write(&path, &text).unwrap();
    let (_, report) = load(&path).unwrap_or_else(|report| panic!("{report}"));
    let changed = |report: &Report| report.files.iter().map(SourceFile::has_changed).collect::<Vec<_>>();
    assert_eq!(changed(&report), [false, false]);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(changed(&report), [false, false], "the same again");
    std::fs::write(&secret, "https://slack.example/services/T0/B0/y\n").unwrap();
    assert_eq!(changed(&report), [false, true]);
    std::fs::remove_file(&secret).unwrap();
    let report = load(&path).unwrap_err();
    assert_eq!(changed(&report), [false, false], "gone it is when it is read, too");
    std::fs::write(&secret, "https://slack.example/services/T0/B0/y\n").unwrap();
    assert_eq!(changed(&report), [false, true]);
}
