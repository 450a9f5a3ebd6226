//! Signals that come twice.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, timeout};

use super::another;
use crate::session::Signal;
use crate::session::client::ECHO;

/// `timeout 60 lunette serve` signals the process and its group.
#[tokio::test(start_paused = true)]
async fn what_comes_with_the_first_signal_is_its_echo_and_a_later_one_ends_the_server() {
    let (sender, mut signals) = unbounded_channel();
    let first = Instant::now();
    sender.send(Signal::Terminate).expect("it is heard");
    let at_once = timeout(Duration::from_millis(1), another(&mut signals, first)).await;
    assert!(at_once.is_err(), "answers keep their time");
    tokio::time::advance(ECHO).await;
    sender.send(Signal::Terminate).expect("it is heard");
    let later = timeout(Duration::from_millis(1), another(&mut signals, first)).await;
    assert_eq!(later, Ok(()));
}
