//! The commands that operate a service, on the real Kafka.

use crate::PATIENCE;
use crate::receiver::{Channel, Receiver};
use crate::service::{Service, Settings};
use crate::stack::{LISTINGS, Stack};
use std::process::Command;

fn rowbell(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rowbell")).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn one_destination_is_moved_past_what_shall_not_be_posted_and_the_others_stay() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let settings = Settings::named("skip");
    let mut service = Service::start(&stack, &receiver, settings.clone());
    let config = service.config.display().to_string();
    let skip = |more: &[&str]| {
        rowbell(&[&["offsets", "skip", "-c", &config, "--topic", LISTINGS, "--destination", "floor"], more].concat())
    };

    receiver.hold(Channel::Teams);
    let (partition, offset) = stack.offset_of(|| stack.sql("UPDATE listings SET price = price + 1 WHERE id = 1"));
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack);
    stack.wait_committed(&settings.group, partition, offset, PATIENCE);
    let (done, said) = skip(&["--to", "latest"]);
    assert!(!done && said.contains("is active") && said.contains("stop every replica"), "{said}");
    assert_eq!(service.terminate(PATIENCE), Some(0));

    let (done, shown) = rowbell(&["offsets", "show", "-c", &config, "--topic", LISTINGS]);
    assert!(done && shown.contains("no replica runs") && shown.contains("(dead letters)"), "{shown}");
    let (done, said) = skip(&["--to", "latest", "--dry-run"]);
    assert!(done && said.contains("would not be posted to floor: 1 changes, 0 of them critical"), "{said}");
    assert_eq!(stack.committed(&settings.group, partition), Some(offset));
    let (done, said) = skip(&["--to", "latest"]);
    assert!(done && said.contains(&format!("the commit moves from {offset} to {}", offset + 1)), "{said}");
    assert_eq!(stack.committed(&settings.group, partition), Some(offset + 1));

    receiver.answer(Channel::Teams);
    receiver.forget();
    let _service = Service::start(&stack, &receiver, settings.clone());
    stack.sql("UPDATE listings SET price = 4711.00 WHERE id = 1");
    for channel in [Channel::Teams, Channel::Slack] {
        receiver.wait(PATIENCE, |a| a.channel == channel && a.text.contains("4,711.00"));
    }
    stack.wait_committed(&settings.group, partition, offset + 2, PATIENCE);
    let texts: Vec<_> = receiver.arrivals().iter().map(|a| a.text.clone()).collect();
    assert!(texts.len() == 2 && texts.iter().all(|text| text.contains("4,711.00")), "{texts:?}");
}
