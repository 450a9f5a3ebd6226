//! Whose turn is it? Requests wait here for the one engine.
//!
//! The next one is of the machine that was served longest ago, and of its requests the one that came first. So a machine with fifty requests
//! delays another one by one answer, not by fifty.
//!
//! Example: A sends a1, a2, a3 and then B sends b1: a1, b1, a2, a3.
//!
//! Who has its turn still waits until its answer has begun, and so do all behind it: the engine may have to end other answers first.
//!
//! A place is given up by dropping its [`Place`]: by a client that goes away as much as by an answer.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch};

use crate::engine::message::CancelToken;

/// Why nobody can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// So many wait already.
    Full { waiting: usize },
    /// The server is being stopped.
    Closed,
}

/// Tells requests apart, by the order of their coming.
pub(super) type Number = u64;

/// The queue, which all parts of a server share.
#[derive(Debug)]
pub(super) struct Queue<T> {
    order: Mutex<Order<T>>,
    changed: Notify,
    is_closed: watch::Sender<bool>,
    most: usize,
}

/// A place in the queue, or the turn itself. When it is dropped, the request is not answered any further.
#[derive(Debug)]
pub(super) struct Place<T> {
    queue: Arc<Queue<T>>,
    number: Number,
    cancel: CancelToken,
}

impl<T> Queue<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { order: Mutex::default(), changed: Notify::new(), is_closed: watch::Sender::new(false), most }
    }

    /// Has `work` of the machine `peer` wait. `cancel` stops it.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, work: T, cancel: CancelToken) -> Result<Place<T>, Refusal> {
        let number = self.order().enter(peer, work, self.most)?;
        self.changed.notify_one();
        Ok(Place { queue: self.clone(), number, cancel })
    }

    /// Waits for the next request, and until the one before it has begun. `None` once the queue is closed.
    ///
    /// Cancel-safe.
    pub(super) async fn next(&self) -> Option<(Number, T)> {
        loop {
            let changed = self.changed.notified();
            {
                let mut order = self.order();
                if order.is_closed {
                    return None;
                }
                if order.called.is_none()
                    && let Some((number, work)) = order.next()
                {
                    order.called = Some(number);
                    return Some((number, work));
                }
            }
            changed.await;
        }
    }

    /// The answer to the request that had its turn last has begun.
    pub(super) fn has_begun(&self, number: Number) {
        let mut order = self.order();
        if order.called.take_if(|called| *called == number).is_some() {
            order.begun.push(number);
            self.changed.notify_one();
        }
    }

    /// Returns once the queue is closed.
    pub(super) async fn closed(&self) {
        // It fails only if the sender is gone, which is `self`.
        let _ = self.is_closed.subscribe().wait_for(|is_closed| *is_closed).await;
    }

    /// Drops everything that waits, and lets nobody in any more.
    pub(super) fn close(&self) {
        let mut order = self.order();
        order.is_closed = true;
        order.waiting.clear();
        self.changed.notify_one();
        self.is_closed.send_replace(true);
    }

    pub(super) fn waiting(&self) -> usize {
        self.order().waiting()
    }

    /// How many have begun and still have their place.
    pub(super) fn answering(&self) -> usize {
        self.order().begun.len()
    }

    fn order(&self) -> MutexGuard<'_, Order<T>> {
        self.order.lock().expect("nothing panics while it holds the lock")
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.queue.order().leave(self.number);
        self.queue.changed.notify_one();
    }
}

/// Who waits, and who was served when.
#[derive(Debug)]
struct Order<T> {
    /// By the time of their coming.
    waiting: Vec<Waiting<T>>,
    /// The machines that still wait, with the turn at which they were served last.
    served: Vec<(IpAddr, u64)>,
    turn: u64,
    /// Who had its turn and has not begun.
    called: Option<Number>,
    begun: Vec<Number>,
    next_number: Number,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    number: Number,
    peer: IpAddr,
    work: T,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            served: Vec::new(),
            turn: 0,
            called: None,
            begun: Vec::new(),
            next_number: 0,
            is_closed: false,
        }
    }
}

impl<T> Order<T> {
    fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.called.is_some())
    }

    fn enter(&mut self, peer: IpAddr, work: T, most: usize) -> Result<Number, Refusal> {
        if self.is_closed {
            return Err(Refusal::Closed);
        }
        if self.waiting() >= most {
            return Err(Refusal::Full { waiting: self.waiting() });
        }
        self.next_number += 1;
        self.begin_with(peer);
        self.waiting.push(Waiting { number: self.next_number, peer, work });
        Ok(self.next_number)
    }

    /// A machine that had nothing waiting counts as served when the one was that waits longest, so that it stands behind it. Otherwise one
    /// that always has a single request, or has another address for each, would always come first.
    fn begin_with(&mut self, peer: IpAddr) {
        let longest = self.waiting.iter().map(|waiting| self.last_turn(waiting.peer)).min();
        if let Some(turn) = longest
            && self.waiting.iter().all(|waiting| waiting.peer != peer)
        {
            self.served.push((peer, turn));
        }
    }

    fn last_turn(&self, peer: IpAddr) -> u64 {
        self.served.iter().find(|(known, _)| *known == peer).map_or(0, |(_, turn)| *turn)
    }

    fn next(&mut self) -> Option<(Number, T)> {
        let first = (0..self.waiting.len()).min_by_key(|&index| self.last_turn(self.waiting[index].peer))?;
        let Waiting { number, peer, work } = self.waiting.remove(first);
        self.turn += 1;
        self.served.retain(|(known, _)| *known != peer);
        self.served.push((peer, self.turn));
        self.forget_who_is_gone();
        Some((number, work))
    }

    fn leave(&mut self, number: Number) {
        self.waiting.retain(|waiting| waiting.number != number);
        self.called.take_if(|called| *called == number);
        self.begun.retain(|begun| *begun != number);
        self.forget_who_is_gone();
    }

    fn forget_who_is_gone(&mut self) {
        let waiting = &self.waiting;
        self.served.retain(|(known, _)| waiting.iter().any(|one| one.peer == *known));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn machine(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    fn served(order: &mut Order<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| next(order)).collect()
    }

    fn next<T>(order: &mut Order<T>) -> Option<T> {
        order.next().map(|(_, work)| work)
    }

    fn entered(all: &[(u8, &'static str)]) -> Order<&'static str> {
        let mut order = Order::default();
        for (peer, work) in all {
            order.enter(machine(*peer), *work, 10).expect("there is room");
        }
        order
    }

    #[test]
    fn machines_take_turns_and_each_is_served_in_order() {
        assert_eq!(served(&mut entered(&[(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1")])), ["a1", "b1", "a2", "a3"]);
        let three = [(1, "a1"), (1, "a2"), (2, "b1"), (2, "b2"), (3, "c1")];
        assert_eq!(served(&mut entered(&three)), ["a1", "b1", "c1", "a2", "b2"]);
    }

    #[test]
    fn who_comes_back_waits_behind_those_who_wait() {
        let mut order = entered(&[(1, "a1"), (2, "b1")]);
        assert_eq!(next(&mut order), Some("a1"));
        order.enter(machine(1), "a2", 10).expect("there is room");
        assert_eq!(served(&mut order), ["b1", "a2"]);
    }

    #[test]
    fn who_comes_back_with_a_single_request_waits_behind_one_who_has_several() {
        let mut order = entered(&[(1, "a1"), (1, "a2"), (2, "b")]);
        assert_eq!([next(&mut order), next(&mut order)], [Some("a1"), Some("b")]);
        for (peer, work) in [(2, "b again"), (3, "c")] {
            order.enter(machine(peer), work, 10).expect("there is room");
        }
        assert_eq!(served(&mut order), ["a2", "b again", "c"]);
    }

    #[tokio::test]
    async fn a_place_is_given_up_with_its_owner() {
        let queue = Arc::new(Queue::new(2));
        let tokens = [CancelToken::default(), CancelToken::default()];
        let enter = |work, token: &CancelToken| queue.enter(machine(1), work, token.clone());
        let first = enter("a", &tokens[0]).expect("room");
        let second = enter("b", &tokens[1]).expect("room");
        assert_eq!(enter("c", &CancelToken::default()).expect_err("it is full"), Refusal::Full { waiting: 2 });
        drop(first);
        assert_eq!((queue.waiting(), tokens[0].is_cancelled(), tokens[1].is_cancelled()), (1, true, false));
        assert_eq!(queue.next().await, Some((2, "b")));
        drop(second);
        assert!(tokens[1].is_cancelled(), "its answer is stopped");
        queue.close();
        assert_eq!(enter("d", &CancelToken::default()).expect_err("it is closed"), Refusal::Closed);
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn nobody_has_a_turn_before_the_answer_to_the_one_before_has_begun() {
        let queue = Arc::new(Queue::new(2));
        let enter = |work| queue.enter(machine(1), work, CancelToken::default()).expect("there is room");
        let counts = || (queue.waiting(), queue.answering());
        let first = enter("a");
        let (number, _) = queue.next().await.expect("it is open");
        let second = enter("b");
        assert_eq!((queue.next().now_or_never(), counts()), (None, (2, 0)));
        queue.has_begun(number);
        assert_eq!((queue.next().await, counts()), (Some((2, "b")), (1, 1)));
        drop(second);
        let _third = enter("c");
        assert_eq!((queue.next().await, counts()), (Some((3, "c")), (1, 1)), "it has left before it had begun");
        drop(first);
        assert_eq!((counts(), queue.closed().now_or_never()), ((1, 0), None));
        queue.close();
        assert_eq!((queue.closed().now_or_never(), queue.next().await), (Some(()), None));
    }

    proptest! {
        /// Whoever enters at any time, between two turns of a waiting machine every other waiting one has at most one.
        #[test]
        fn no_machine_has_two_turns_while_another_waits(peers in prop::collection::vec(1_u8..5, 1..40)) {
            let mut order = Order::default();
            for (number, peer) in peers.iter().enumerate() {
                order.enter(machine(*peer), (*peer, number), 100).expect("there is room");
            }
            let turns: Vec<(u8, usize)> = std::iter::from_fn(|| next(&mut order)).collect();
            prop_assert_eq!(turns.len(), peers.len());
            for (at, (peer, number)) in turns.iter().enumerate() {
                let next = turns[at + 1..].iter().position(|(other, _)| other == peer).map_or(turns.len(), |next| at + 1 + next);
                let between = &turns[at + 1..next];
                let waits = |other: u8| turns[at + 1..].iter().any(|(peer, _)| *peer == other);
                prop_assert!((1..5).filter(|other| other != peer && waits(*other)).all(|other| between.iter().filter(|(peer, _)| *peer == other).count() >= 1));
                prop_assert!(turns[at + 1..].iter().filter(|(other, _)| other == peer).all(|(_, later)| later > number));
            }
        }
    }
}
